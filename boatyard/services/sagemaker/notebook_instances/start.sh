#!/bin/bash
# What a notebook instance does when it starts: repositories, lifecycle scripts, JupyterLab. Runs as root in the
# container; each part announces itself with a line that begins with $BOATYARD_MARK, so that the log can be told apart.
set -u
home=/home/ec2-user
control=/run/boatyard
mark() { printf '%s %s\n' "$BOATYARD_MARK" "$*"; }
as_user() { setpriv --reuid=ec2-user --regid=ec2-user --init-groups env HOME="$home" USER=ec2-user LOGNAME=ec2-user "$@"; }

mark jupyter
install -m 644 "$control/profile" /etc/profile.d/boatyard.sh
if [ -f "$control/sudoers" ]; then
    install -m 440 "$control/sudoers" /etc/sudoers.d/boatyard
else
    rm -f /etc/sudoers.d/ec2-user
fi
git config --system include.path "$control/gitconfig"
chown ec2-user:ec2-user "$home/SageMaker"
# Notebooks made on AWS ask for its kernel by name.
kernels=/usr/local/share/jupyter/kernels
if [ ! -e "$kernels/conda_python3" ]; then
    cp -R "$kernels/python3" "$kernels/conda_python3"
    sed -i 's/"display_name": *"[^"]*"/"display_name": "conda_python3"/' "$kernels/conda_python3/kernel.json"
fi
cd "$home/SageMaker" || exit 1

while IFS=$'\t' read -r url directory branch; do
    [ -e "$directory" ] && continue
    if ! as_user git clone ${branch:+--branch "$branch"} -- "$url" "$directory"; then
        mark "failed repository $url"
        exit 1
    fi
done < "$control/repositories"

lifecycle() {
    [ -f "$control/$1" ] || return 0
    mark "$1"
    install -m 700 "$control/$1" "/root/$1"
    (cd / && timeout --kill-after=10 "$BOATYARD_LIFECYCLE_SECONDS" "/root/$1" < /dev/null)
    code=$?
    if [ "$code" -ne 0 ]; then
        mark "failed $1 $code"
        exit 1
    fi
}
lifecycle on-create
lifecycle on-start

mark jupyter
exec setpriv --reuid=ec2-user --regid=ec2-user --init-groups \
    env HOME="$home" USER=ec2-user LOGNAME=ec2-user \
    jupyter lab --ip=0.0.0.0 --port=8888 --no-browser --ServerApp.root_dir="$home/SageMaker" \
    --ServerApp.allow_remote_access=True --ServerApp.quit_button=False
