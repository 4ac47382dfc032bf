#!/bin/sh
# Make the alerter's client certificate, as a kubeconfig in JSON that root alone reads.
set -eu
umask 077
folder=/etc/kubernetes/govcloud
kubeadm kubeconfig user --config "$folder/kubeadm.yaml" --client-name system:govcloud:alerts --validity-period 8760h \
    >"$folder/.alerts.yaml" 2>/dev/null
kubectl --kubeconfig "$folder/.alerts.yaml" config view --raw -o json >"$folder/.alerts.json"
rm "$folder/.alerts.yaml"
mv "$folder/.alerts.json" /etc/kubernetes/pki/govcloud-alerts.json
