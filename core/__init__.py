"""What every part of the kit stands on: errors, paths, programs, files and the console."""
