#!/bin/sh
# Start the control plane of this host for the first time. What an earlier attempt left half-made is taken away first.
# The last line tells that all of it stands; 'kubeadm reset' takes that mark away with the certificates.
set -eu
configuration=/etc/kubernetes/govcloud/kubeadm.yaml
encryption=/etc/kubernetes/govcloud/encryption.yaml
started=/etc/kubernetes/pki/govcloud-started

# An attempt whose playbook was killed may still be running: wait for its end, and see how it ended.
exec 9>/run/govcloud-kubeadm.lock
flock 9
if [ -e "$started" ]; then exit 0; fi

if [ -e /etc/kubernetes/pki ] || [ -e /etc/kubernetes/kubelet.conf ]; then
    kubeadm reset --force >/dev/null
fi

# The key is made here and never leaves this host. A new cluster gets a new one: nothing of the old one can be read.
umask 077
key=$(head -c 32 /dev/urandom | base64 -w 0)
cat >"$encryption" <<YAML
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources: [secrets, configmaps]
    providers:
      - secretbox: {keys: [{name: first, secret: $key}]}
      - identity: {}
YAML
umask 022

kubeadm init --config "$configuration"
touch "$started"
