#!/bin/sh
# Bring what kubeadm leaves to us to its state; every line of output ends with 'unchanged' or tells '(no change)', or
# says what was changed.
set -eu
export KUBECONFIG=/etc/kubernetes/admin.conf
folder=/usr/local/lib/govcloud

kubectl apply --filename "$folder/network-access.yaml"
# kubeadm gives the DNS service the first family alone.
kubectl --namespace kube-system patch service/kube-dns --patch '{"spec":{"ipFamilyPolicy":"PreferDualStack"}}'
kubectl --namespace kube-system patch configmap/coredns --patch-file "$folder/corefile.json"
