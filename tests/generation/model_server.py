"""Serves a GGUF file on a free loopback port, says where, and ends with its standard input."""

import sys

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.n_parallel = 2
parameters.n_ctx = 8192  # shared by the two
parameters.hostnames = ["127.0.0.1"]
parameters.port = 0
parameters.verbosity = -1
server = xllamacpp.Server(parameters)
sys.stdout.write(f"{server.listening_address}\n")
sys.stdout.flush()
sys.stdin.read()
