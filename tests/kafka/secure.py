"""A Kafka that lets nobody in unknown: TLS with client certificates, and SASL over TLS."""

from __future__ import annotations

import subprocess
from pathlib import Path

from kafka.broker import Broker, _free_ports

PASSWORD = "correct horse"
_MODULES = "org.apache.kafka.common.security"


class SecureBroker(Broker):
    """Beside the plain listener: `tls`, which wants a certificate of its authority, and `sasl`."""

    def __init__(self, home: Path) -> None:
        tls, sasl = _free_ports()
        self.tls, self.sasl = f"127.0.0.1:{tls}", f"127.0.0.1:{sasl}"
        self.certificates = home / "certificates"
        make_certificates(self.certificates)
        super().__init__(home)

    def _format(self) -> None:
        users = [
            f"--add-scram={kind}=[name=ann,password={PASSWORD}]" for kind in ("SCRAM-SHA-256", "SCRAM-SHA-512")
        ]
        command = self._java("kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", *users)
        subprocess.run([*command, "-c", str(self._configuration)], check=True, capture_output=True)

    def _properties(self) -> str:
        plain, controller = f"PLAINTEXT://127.0.0.1:{self.port}", f"CONTROLLER://127.0.0.1:{self._controller}"
        secure = f"SSL://{self.tls},SASL_SSL://{self.sasl}"
        jaas = "listener.name.sasl_ssl.{}.sasl.jaas.config"
        values = {
            "listeners": f"{plain},{controller},{secure}",
            "advertised.listeners": f"{plain},{secure}",
            "listener.security.protocol.map": ",".join(
                f"{name}:{name}" for name in ("PLAINTEXT", "SSL", "SASL_SSL")
            )
            + ",CONTROLLER:PLAINTEXT",
            "listener.name.ssl.ssl.client.auth": "required",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.certificates / "server.pem"),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.certificates / "ca.pem"),
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
            jaas.format("plain"): f'{_MODULES}.plain.PlainLoginModule required user_ann="{PASSWORD}";',
            jaas.format("scram-sha-256"): f"{_MODULES}.scram.ScramLoginModule required;",
            jaas.format("scram-sha-512"): f"{_MODULES}.scram.ScramLoginModule required;",
            jaas.format("oauthbearer"): f"{_MODULES}.oauthbearer.OAuthBearerLoginModule required"
            ' unsecuredLoginStringClaim_sub="broker";',
        }
        return super()._properties() + "".join(f"{name}={value}\n" for name, value in values.items())


def make_certificates(folder: Path) -> None:
    """An authority, ca.pem; a server's key and certificate, server.pem; a client's, client.crt and client.key."""
    folder.mkdir(parents=True)
    _openssl(folder, "req", "-x509", *_KEY, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority")
    for name in ("server", "client"):
        _openssl(
            folder, "req", "-x509", *_KEY, "-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN={name}",
            "-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "subjectAltName=IP:127.0.0.1",
            "-addext", "basicConstraints=critical,CA:FALSE",
        )  # fmt: skip
    server = [folder / name for name in ("server.key", "server.crt", "ca.pem")]
    (folder / "server.pem").write_text("".join(part.read_text() for part in server))


_KEY = ("-newkey", "rsa:2048", "-nodes", "-days", "2")


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
