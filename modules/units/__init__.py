"""The units of the state as data: keys, names, the tree they form, the eras that say what the tree may look like."""
