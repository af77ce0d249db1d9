"""A bucket to try the server with: moto's S3, which looks at every signature as botocore
would make it, behind a gate that the tests open and shut.

It runs as a program of its own, for a module of tests; each test has a bucket of its own.
"""

import contextlib
import pathlib
import socket
import subprocess
import sys
import threading
import urllib.request
import uuid

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials

from .server import free_port, mortal

REGION = "us-east-1"
PROGRAM = """
import sys, threading
from moto.server import ThreadedMotoServer
ThreadedMotoServer("127.0.0.1", int(sys.argv[1]), verbose=False).start()
print("ready", flush=True)
threading.Event().wait()
"""
POLICY = """{"Version": "2012-10-17", "Statement":
            [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}"""


def aws(service, endpoint, key="none", secret="none"):
    return boto3.client(service, endpoint_url=endpoint, region_name=REGION,
                        aws_access_key_id=key, aws_secret_access_key=secret,
                        config=botocore.config.Config(s3={"addressing_style": "path"},
                                                      proxies={"http": None}))


def signature(request, key, secret):
    """What botocore signs this request with, the bytes of one on the wire; and what stands
    in it."""
    first, *lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value for name, value in (one.split(": ", 1) for one in lines)}
    signed, there = (headers["authorization"].partition(f"{word}=")[2].partition(",")[0]
                     for word in ("SignedHeaders", "Signature"))
    asked = botocore.awsrequest.AWSRequest(
        method=method, url=f"http://{headers['host']}{target}",
        headers={name: headers[name] for name in signed.split(";")})
    asked.context["timestamp"] = headers["x-amz-date"]
    auth = botocore.auth.S3SigV4Auth(botocore.credentials.Credentials(key, secret), "s3", REGION)
    text = auth.string_to_sign(asked, auth.canonical_request(asked))
    return auth.signature(text, asked), there


class Store:
    """The program. Whoever has no key of it is refused from the start on."""

    def __init__(self, log):
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        with open(log, "wb") as err:
            self.process = subprocess.Popen(mortal(sys.executable, "-c", PROGRAM, self.port),
                                            stdout=subprocess.PIPE, stderr=err)
        assert self.process.stdout.readline() == b"ready\n", pathlib.Path(log).read_text()
        iam = aws("iam", self.endpoint)
        iam.create_user(UserName="parlour")
        iam.put_user_policy(UserName="parlour", PolicyName="s3", PolicyDocument=POLICY)
        made = iam.create_access_key(UserName="parlour")["AccessKey"]
        self.key, self.secret = made["AccessKeyId"], made["SecretAccessKey"]
        self.s3 = aws("s3", self.endpoint, self.key, self.secret)
        asked = urllib.request.Request(self.endpoint + "/moto-api/reset-auth", data=b"0",
                                       headers={"Content-Type": "text/plain"})
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked).close()

    def stop(self):
        self.process.kill()
        self.process.communicate()


class Bucket:
    """One bucket, and the settings of a server that has it."""

    def __init__(self, store):
        self.store, self.s3 = store, store.s3
        self.name = f"media-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.name)
        self.gate = Gate(store.port)

    def settings(self, **more):
        return {"s3": {"bucket": self.name, "endpoint": f"http://127.0.0.1:{self.gate.port}",
                       "access_key": self.store.key, "secret_key": self.store.secret, **more}}

    def put(self, key, data):
        self.s3.put_object(Bucket=self.name, Key=key, Body=data)

    def get(self, key):
        return self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()

    def keys(self):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return sorted(one["Key"] for page in pages for one in page.get("Contents", ()))

    def files(self):
        return [key for key in self.keys() if not key.endswith("parlour-server.txt")]


class Gate:
    """Passes connections on to the store. Shut, it ends those that there are and those that
    come; held, it takes what is sent and passes nothing back."""

    def __init__(self, to_port):
        self.to_port, self.is_shut, self.passes = to_port, False, threading.Event()
        self.passes.set()
        self.asked = threading.Event()
        self.sent = b""
        self.next = None  # (how a request begins, what it waits for)
        self.socks, self.lock = set(), threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self.listener.accept()[0],),
                                 daemon=True).start()

    def _serve(self, near):
        with near, contextlib.suppress(OSError):
            if self.is_shut:
                return
            with socket.create_connection(("127.0.0.1", self.to_port)) as far:
                with self.lock:
                    self.socks |= {near, far}
                back = threading.Thread(target=self._pass, args=(far, near, True), daemon=True)
                back.start()
                self._pass(near, far, False)
                back.join()
                with self.lock:
                    self.socks -= {near, far}

    def _pass(self, source, to, is_back):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if is_back:
                    self.passes.wait()
                else:
                    self.sent += data
                    self._hold_one(data)
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)

    def _hold_one(self, data):
        begins, waits = self.next or (None, None)
        if begins is not None and data.startswith(begins):
            self.next = None
            self.asked.set()
            if waits:
                waits.wait()

    def shut(self):
        self.is_shut = True
        with self.lock:
            for one in self.socks:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def open(self):
        self.is_shut = False
        self.passes.set()

    def hold(self, begins=""):
        """begins: how the request does that until_asked is for."""
        self.asked.clear()
        self.next = begins.encode(), None
        self.passes.clear()

    def hold_next(self, begins):
        """The next request that begins so does not get to the store before the event is set;
        others do."""
        self.asked.clear()
        self.next = begins.encode(), threading.Event()
        return self.next[1]

    def until_asked(self):
        """Since it, or the next, was held."""
        assert self.asked.wait(20)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.open()
        self.shut()
