#!/bin/sh
# Let a host take up the node's files: the agent's user and folder, the units, and what runs of them already.
set -eu
systemd-sysusers /etc/sysusers.d/govcloud-network.conf
systemd-tmpfiles --create /etc/tmpfiles.d/govcloud-network.conf
systemctl daemon-reload
# Patterns, because on a new host there is nothing to restart.
systemctl try-restart 'govcloud-network*.service' 'kubelet*.service'
rm -f /run/govcloud/node
