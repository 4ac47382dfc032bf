"""Start the agent: ``python3 -m playbooks.agent``, and the entry of the archive that hosts get."""

from playbooks.agent.service import main

main()
