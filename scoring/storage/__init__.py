"""Files that survive a crash. The whole package writes, locks and reads them through these modules.

- `atomic_file`: a file is written under a temporary name and renamed, so readers see all of it or none of it
- `file_lock`: advisory locks that end with their process · `journal`: an append-only file of lines under such a lock
- `regular_file_reader`: reads a file only if it is a regular file, not a link or a pipe
- `yaml_parser`: YAML files of bounded size whose keys have line numbers
- `home_folder_expansion`: paths as users give them, with `~` for the home folder
- `os_errors`: messages for errors of the operating system
"""
