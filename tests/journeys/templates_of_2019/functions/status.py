import json
import os
import boto3
from boto3.session import Session

sagemaker = boto3.client('sagemaker')
code_pipeline = boto3.client('codepipeline')


def lambda_handler(event, context):
    job = event['CodePipeline.job']
    try:
        before = read(job)
        stage = json.loads(job['data']['actionConfiguration']['configuration']['UserParameters'])['stage']
        if stage == 'Training':
            details = sagemaker.describe_training_job(TrainingJobName=before['job_name'])
            status = details['TrainingJobStatus']
        else:
            details = sagemaker.describe_endpoint(EndpointName=before['endpoint'])
            status = details['EndpointStatus']
        print('[INFO]', stage, status)
        if status in ('InProgress', 'Creating') or 'continuationToken' not in job['data']:
            token = json.dumps({'previous_job_id': job['id']})
            print('[AGAIN]', stage)
            code_pipeline.put_job_success_result(jobId=job['id'], continuationToken=token)
        elif status in ('Completed', 'InService'):
            if stage == 'Training':
                write(job, details)
            code_pipeline.put_job_success_result(jobId=job['id'])
        else:
            raise RuntimeError(details.get('FailureReason', status))
    except Exception as e:
        print('[ERROR]', e)
        code_pipeline.put_job_failure_result(jobId=job['id'], failureDetails={'message': str(e), 'type': 'JobFailed'})
    return 'done'


def session_of(job):
    keys = job['data']['artifactCredentials']
    return Session(aws_access_key_id=keys['accessKeyId'], aws_secret_access_key=keys['secretAccessKey'],
                   aws_session_token=keys['sessionToken'])


def read(job):
    place = job['data']['inputArtifacts'][0]['location']['s3Location']
    found = session_of(job).resource('s3').Object(place['bucketName'], place['objectKey'])
    return json.loads(found.get()['Body'].read().decode('utf-8'))


def write(job, content):
    place = job['data']['outputArtifacts'][0]['location']['s3Location']
    session_of(job).resource("s3").Object(place['bucketName'], place['objectKey']).put(
        Body=json.dumps(content, indent=4, sort_keys=True, default=str), ServerSideEncryption='aws:kms',
        SSEKMSKeyId=os.environ['KeyId'])
