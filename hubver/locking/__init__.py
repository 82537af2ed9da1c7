"""The lock file of an application's repository: which models it runs, to the byte."""
