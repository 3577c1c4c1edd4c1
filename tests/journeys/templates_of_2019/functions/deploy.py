import json
import os
import boto3
from boto3.session import Session

sagemaker = boto3.client('sagemaker')
code_pipeline = boto3.client('codepipeline')


def lambda_handler(event, context):
    job = event['CodePipeline.job']
    try:
        trained = read(job)
        environment = json.loads(job['data']['actionConfiguration']['configuration']['UserParameters'])['environment']
        name = trained['TrainingJobName']
        if environment == 'Dev':
            sagemaker.create_model(
                ModelName=name,
                PrimaryContainer={'Image': trained['AlgorithmSpecification']['TrainingImage'],
                                  'ModelDataUrl': trained['ModelArtifacts']['S3ModelArtifacts']},
                ExecutionRoleArn=os.environ['SageMakerRole'])
        endpoint = name + '-' + environment
        sagemaker.create_endpoint_config(
            EndpointConfigName=endpoint,
            ProductionVariants=[{'VariantName': 'AllTraffic', 'ModelName': name, 'InitialInstanceCount': 1,
                                 'InitialVariantWeight': 1, 'InstanceType': 'ml.t2.medium'}])
        sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=endpoint)
        event['endpoint'] = endpoint
        event['job_name'] = name
        write(job, event)
        code_pipeline.put_job_success_result(jobId=job['id'])
    except Exception as e:
        print('[ERROR]', e)
        code_pipeline.put_job_failure_result(jobId=job['id'], failureDetails={'message': str(e), 'type': 'JobFailed'})
    return event


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
        Body=json.dumps(content), ServerSideEncryption='aws:kms', SSEKMSKeyId=os.environ['KeyId'])
