"""A program for a pod: gRPC's health service on port 50051 and HTTPS on port 8443, which say what files say.

argv: a folder with `certificate.pem` (and its key) and files `grpc`, the number of the status of the service
"ready", and `https`, the status code. The libraries are the host's: the pod sees its file system.
"""

import ssl
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import grpc

FOLDER = Path(sys.argv[1])


def check(request: bytes, context: grpc.ServicerContext) -> bytes:
    """HealthCheckRequest and -Response have one field each."""
    if request[2:] != b"ready":
        context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
    return bytes([8, int((FOLDER / "grpc").read_text())])


class Says(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int((FOLDER / "https").read_text()))
        self.end_headers()

    def log_message(self, *_):
        """Its pod has no use for it."""


server = grpc.server(ThreadPoolExecutor(2))
handler = grpc.unary_unary_rpc_method_handler(check)
server.add_generic_rpc_handlers(
    [grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": handler})]
)
server.add_insecure_port("0.0.0.0:50051")
server.start()

web = HTTPServer(("0.0.0.0", 8443), Says)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(FOLDER / "certificate.pem")
web.socket = context.wrap_socket(web.socket, server_side=True)
threading.Thread(target=web.serve_forever, daemon=True).start()
server.wait_for_termination()
