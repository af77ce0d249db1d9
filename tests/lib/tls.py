"""Certificates by the openssl command, and servers that have a TLS listener."""

import pathlib
import subprocess

from .server import free_port


def make_certificate(folder, stem="server", name="localhost"):
    """A certificate for `name`, signed by itself; the paths of it and of its key."""
    certificate, key = pathlib.Path(folder) / f"{stem}.pem", pathlib.Path(folder) / f"{stem}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
         "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


def add_secure(server, folder):
    """Gives a server that does not run yet a listener with TLS, on server.tls_port."""
    server.certificate, server.key = make_certificate(folder)
    server.tls_port = free_port()
    server.add_listeners({"address": f"127.0.0.1:{server.tls_port}", "serve": ["client"],
                          "tls": {"certificate": str(server.certificate),
                                  "key": str(server.key)}})


def start_secure(private, folder, **settings):
    """A server with a plain listener and, on server.tls_port, one with TLS."""
    one = private(running=False, **settings)
    add_secure(one, folder)
    return one.start()


def curl(server, path, *words, within_s=30):
    """curl over TLS, certificate checked; what it wrote, behind it a line of -w."""
    return subprocess.run(
        ["curl", "-s", "-S", "--cacert", server.certificate, "--max-time", str(within_s),
         "--resolve", f"localhost:{server.tls_port}:127.0.0.1", *words,
         f"https://localhost:{server.tls_port}{path}"], capture_output=True, text=True)


def s_client(server, *words, say=""):
    """What openssl s_client says of a connection on which `say` is sent."""
    return subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.tls_port}", "-servername",
         "localhost", "-CAfile", server.certificate, *words],
        input=say, capture_output=True, text=True, timeout=30)
