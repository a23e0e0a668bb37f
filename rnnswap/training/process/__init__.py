"""The process that runs a script, and the processes it starts. Imports torch after the script."""
