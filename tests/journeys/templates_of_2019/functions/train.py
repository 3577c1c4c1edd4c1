import json
import os
import boto3
from time import gmtime, strftime
from boto3.session import Session

region = boto3.session.Session().region_name
sagemaker = boto3.client('sagemaker')
code_pipeline = boto3.client('codepipeline')


def lambda_handler(event, context):
    job = event['CodePipeline.job']
    try:
        param = json.loads(job['data']['actionConfiguration']['configuration']['UserParameters'])
        name = 'old-tree-' + strftime("%Y-%m-%d-%H-%M-%S", gmtime())
        account = context.invoked_function_arn.split(":")[4]
        image = account + '.dkr.ecr.' + region + ".amazonaws.com/" + os.environ['Repository'] + ":latest"
        sagemaker.create_training_job(
            RoleArn=os.environ['SageMakerRole'],
            TrainingJobName=name,
            AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
            ResourceConfig={"InstanceCount": param['instances'], "InstanceType": "ml.c4.2xlarge",
                            "VolumeSizeInGB": param['volume']},
            InputDataConfig=[{
                "ChannelName": "training",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix",
                                                "S3Uri": "s3://{}/train".format(os.environ['DataBucket']),
                                                "S3DataDistributionType": "FullyReplicated"}},
                "ContentType": "csv",
                "CompressionType": "None"}],
            OutputDataConfig={"S3OutputPath": "s3://{}/{}/output".format(os.environ['ModelBucket'], name)},
            StoppingCondition={"MaxRuntimeInSeconds": 60 * 60})
        event['job_name'] = name
        write(job, event)
        code_pipeline.put_job_success_result(jobId=job['id'])
    except Exception as e:
        print('[ERROR]', e)
        code_pipeline.put_job_failure_result(jobId=job['id'], failureDetails={'message': str(e), 'type': 'JobFailed'})
    return event


def write(job, content):
    place = job['data']['outputArtifacts'][0]['location']['s3Location']
    keys = job['data']['artifactCredentials']
    session = Session(aws_access_key_id=keys['accessKeyId'], aws_secret_access_key=keys['secretAccessKey'],
                      aws_session_token=keys['sessionToken'])
    session.resource("s3").Object(place['bucketName'], place['objectKey']).put(
        Body=json.dumps(content), ServerSideEncryption='aws:kms', SSEKMSKeyId=os.environ['KeyId'])
