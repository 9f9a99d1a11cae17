# SPDX-License-Identifier: Apache-2.0
"""Starts a server in a container, waits until it answers, and speaks to it through a port of the host:

python3 forward_a_port.py docker.io/library/debian:12
"""

import socket
import sys

import vmkit

SERVER = """
use IO::Socket::INET;
my $server = IO::Socket::INET->new(LocalPort => 7000, Listen => 5) or die;
while (my $client = $server->accept) { print $client uc(<$client>); }
"""

with vmkit.Container(sys.argv[1]) as box:
    box.exec("perl", "-e", SERVER)
    box.wait_ready(vmkit.Probe(action=vmkit.TcpProbe(port=7000)), timeout=30)
    with box.forward(vmkit.Endpoint.tcp(0), vmkit.Endpoint.tcp(7000)) as forward:
        with socket.create_connection(("127.0.0.1", forward.listening.port)) as client:
            client.sendall(b"hello\n")
            print(client.makefile().readline(), end="")
