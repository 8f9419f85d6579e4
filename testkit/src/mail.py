"""A mail server for tests: Debian's python3-aiosmtpd on a free port of this machine.

Arguments: plain | starttls | tls, a folder with server.pem and server.key, and the mechanisms to offer.
Says its port on standard output, then a line of JSON for each letter that it took; ends with its standard input.
"""
import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

security, folder, mechanisms = sys.argv[1], sys.argv[2], sys.argv[3].split()


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        letter = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "content": envelope.content.decode("ascii"),
            "tls": session.ssl is not None or security == "tls",
            "user": session.auth_data,
        }
        print(json.dumps(letter), flush=True)
        return "250 2.0.0 taken"


def authenticate(server, session, envelope, mechanism, data):
    known = (data.login, data.password) == (b"robot", "hush 密码".encode())
    user = f"{mechanism} {data.login.decode()}" if known else None
    return AuthResult(success=known, handled=False, auth_data=user)


def serve():
    mine = {
        "hostname": "mail.test",
        "authenticator": authenticate,
        "auth_required": bool(mechanisms),
        "auth_require_tls": security != "tls",
        "auth_exclude_mechanism": [it for it in ("PLAIN", "LOGIN") if it not in mechanisms],
        "tls_context": context if security == "starttls" else None,
        "require_starttls": security == "starttls",
    }
    return SMTP(Handler(), **mine)


async def main():
    loop = asyncio.get_running_loop()
    tls = context if security == "tls" else None
    server = await loop.create_server(serve, "127.0.0.1", 0, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


context = None
if security != "plain":
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(f"{folder}/server.pem", f"{folder}/server.key")
asyncio.run(main())
