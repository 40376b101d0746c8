"""A stand-in for a service: says it is ready, and answers everything else with what it was asked."""

import http.server
import json
import os
import sys


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        status = 503 if self.path.endswith("/unwell") else 200
        body = json.dumps(
            {"name": sys.argv[1], "pid": os.getpid(), "path": self.path, "headers": dict(self.headers)}
        ).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        return


for method in ("GET", "POST", "DELETE"):
    setattr(Answer, f"do_{method}", Answer.answer)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Answer).serve_forever()
