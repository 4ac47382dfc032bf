#!/bin/sh
# Make the network agents' client certificate, as a kubeconfig in JSON, which every program of the host can read.
set -eu
umask 077
folder=/etc/kubernetes/govcloud
kubeadm kubeconfig user --config "$folder/kubeadm.yaml" --client-name system:govcloud:network --validity-period 8760h \
    >"$folder/.network.yaml" 2>/dev/null
kubectl --kubeconfig "$folder/.network.yaml" config view --raw -o json >"$folder/.network.json"
rm "$folder/.network.yaml"
mv "$folder/.network.json" /etc/kubernetes/pki/govcloud-network.json
