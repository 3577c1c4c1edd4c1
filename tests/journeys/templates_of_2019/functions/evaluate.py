import csv
import json
import os
import boto3
from boto3.session import Session

code_pipeline = boto3.client('codepipeline')


def lambda_handler(event, context):
    job = event['CodePipeline.job']
    try:
        endpoint = read(job)['endpoint']
        environment = json.loads(job['data']['actionConfiguration']['configuration']['UserParameters'])['environment']
        key = 'smoketest/smoketest.csv' if environment == 'Dev' else 'validation/validation.csv'
        boto3.resource('s3').Bucket(os.environ['DataBucket']).download_file(key, '/tmp/tmp.csv')
        runtime = boto3.client('runtime.sagemaker')
        for row in csv.reader(open('/tmp/tmp.csv', newline='')):
            body = bytes(','.join(str(e) for e in row), 'utf-8')
            answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Accept="text/csv", Body=body)
            print('[INFO]Result: {}'.format(answer['Body'].read().decode('ascii')))
        code_pipeline.put_job_success_result(jobId=job['id'])
    except Exception as e:
        print('[ERROR]', e)
        code_pipeline.put_job_failure_result(jobId=job['id'], failureDetails={'message': str(e), 'type': 'JobFailed'})
    return event


def read(job):
    place = job['data']['inputArtifacts'][0]['location']['s3Location']
    keys = job['data']['artifactCredentials']
    session = Session(aws_access_key_id=keys['accessKeyId'], aws_secret_access_key=keys['secretAccessKey'],
                      aws_session_token=keys['sessionToken'])
    found = session.resource('s3').Object(place['bucketName'], place['objectKey'])
    return json.loads(found.get()['Body'].read().decode('utf-8'))
