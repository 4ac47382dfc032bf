"""The command `govcloud`: it starts Pulumi, Ansible and pytest, and reads what they wrote."""
