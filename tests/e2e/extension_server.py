"""An extension API server for tests: the kind Thing of ext.example.com/v1, one object, OpenAPI of version 2 only.

argv: a file with its certificate and key. It prints its port.
"""

import json
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOT = "/apis/ext.example.com/v1"
META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
KIND = {"group": "ext.example.com", "kind": "Thing", "version": "v1"}
GVK = "x-kubernetes-group-version-kind"
RESOURCE = {
    "name": "things",
    "singularName": "thing",
    "namespaced": True,
    "kind": "Thing",
    "verbs": ["get", "list"],
}
NAME = {"name": "name", "in": "path", "required": True, "type": "string", "uniqueItems": True}
OK = {"200": {"description": "OK", "schema": {"$ref": "#/definitions/com.example.Thing"}}}
THING = {
    "apiVersion": "ext.example.com/v1", "kind": "Thing",
    "metadata": {"name": "one", "namespace": "default", "uid": "1"}, "spec": {"color": "red"},
}  # fmt: skip
SPEC = {
    "type": "object",
    "properties": {"color": {"type": "string", "description": "The colour of the thing."}},
}
DOCUMENTS = {
    ROOT: {
        "kind": "APIResourceList", "groupVersion": "ext.example.com/v1", "resources": [RESOURCE],
    },
    f"{ROOT}/namespaces/default/things": {"apiVersion": "ext.example.com/v1", "kind": "ThingList", "items": [THING]},
    f"{ROOT}/namespaces/default/things/one": THING,
    "/openapi/v2": {
        "swagger": "2.0", "info": {"title": "things", "version": "v1"},
        "paths": {
            f"{ROOT}/namespaces/{{namespace}}/things/{{name}}": {
                "get": {
                    "operationId": "getThing", "produces": ["application/json"], GVK: KIND,
                    "responses": OK,
                },
                "parameters": [NAME],
            }
        },
        "definitions": {
            "com.example.Thing": {
                "description": "A thing of somebody else.", "type": "object", GVK: [KIND],
                "properties": {
                    "metadata": {"$ref": f"#/definitions/{META}"},
                    "spec": {"description": "What it is to be.", "$ref": "#/definitions/com.example.ThingSpec"},
                },
            },
            "com.example.ThingSpec": SPEC,
            META: {"type": "object", "description": "Theirs.", "properties": {"name": {"type": "string"}}},
        },
    },
}  # fmt: skip


class Says(BaseHTTPRequestHandler):
    def do_GET(self):
        document = DOCUMENTS.get(self.path.partition("?")[0])
        body = json.dumps(document or {}).encode()
        self.send_response(200 if document else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nobody reads it."""


web = ThreadingHTTPServer(("127.0.0.1", 0), Says)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
web.socket = context.wrap_socket(web.socket, server_side=True)
print(web.server_port, flush=True)
web.serve_forever()
