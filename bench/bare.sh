#!/bin/bash
# The blueprint's delivery by hand: what somebody writes who has podman, a folder with the algorithm, and data.
#
#   bare.sh ALGORITHM DATA ROOM TAG
#
# Builds the image from ALGORITHM, trains it on DATA/train, deploys it to Dev, sends it the rows of DATA/smoke, deploys
# it to Test, wants 85 % of the labels of DATA/validation, and deploys it to Prod. An environment that serves already
# goes on until the new container answers /ping. ROOM keeps the models, and a file for each environment with the
# container and the port that serve. Prints the seconds since 1970 at which each stage has begun, and the end.
set -euo pipefail
algorithm=$1 data=$2 room=$3 tag=$4
image=localhost/bare:$tag

stage() { echo "$EPOCHREALTIME $1"; }

# What SageMaker gives to a training container: its data, its hyperparameters, and places for the results.
train() {
    mkdir -p "$room/$tag"/{input/config,input/data/training,model,output}
    cp "$data"/train/*.csv "$room/$tag/input/data/training/"
    echo '{"max_leaf_nodes": "5"}' > "$room/$tag/input/config/hyperparameters.json"
    podman run --rm --volume "$room/$tag:/opt/ml" "$image" train
    tar --create --gzip --file "$room/$tag/model.tar.gz" --directory "$room/$tag/model" .
}

deploy() {
    local place=$room/$1 before port
    before=$(cut -d ' ' -f 1 "$place" 2> /dev/null || true)
    mkdir "$room/$1-$tag"
    tar --extract --file "$room/$tag/model.tar.gz" --directory "$room/$1-$tag"
    podman run --detach --name "$1-$tag" --publish 127.0.0.1::8080 --volume "$room/$1-$tag:/opt/ml/model:ro" \
        "$image" serve > /dev/null
    port=$(podman port "$1-$tag" 8080)
    until curl --silent --fail --output /dev/null "http://$port/ping"; do sleep 0.02; done
    echo "$1-$tag $port" > "$place"
    if [ -n "$before" ]; then podman rm --force --time 10 "$before" > /dev/null & fi
}

# The predictions for rows whose label is taken off, one a line, beside the labels: how many there are, how many agree.
ask() {
    cut -d , -f 2- "$2" | curl --silent --fail --data-binary @- --header "Content-Type: text/csv" \
        --header "Accept: text/csv" "http://$(cut -d ' ' -f 2 "$room/$1")/invocations" |
        paste -d , - <(cut -d , -f 1 "$2") | awk -F , '{ rows += $1 != "" && $2 != ""; right += $1 == $2 } END { print rows, right }'
}

stage Build
podman build --quiet --network host --tag "$image" "$algorithm" > /dev/null
stage Train
train
stage DeployDev
deploy dev
stage SmokeTest
read -r rows right < <(ask dev "$data/smoke/iris.csv")
[ "$rows" -eq "$(grep -c . "$data/smoke/iris.csv")" ]
stage DeployTest
deploy test
stage FullTest
read -r rows right < <(ask test "$data/validation/iris.csv")
[ $((right * 100)) -ge $((rows * 85)) ]
stage DeployProd
deploy prod
stage End
