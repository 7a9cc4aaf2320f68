"""Files that survive a crash: locks that end with their process, names that are on disk."""
