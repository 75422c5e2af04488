"""Shell: the cluster's certificate authority: keys, certificates by profile, signatures on requests.

The only module, with pikube.certs.tokens, that imports cryptography. Enter: profiles and names. Leave:
PEM bytes. Random numbers come from the operating system.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pikube.certs.profiles import CA_LIFE_DAYS, EPOCH, Profile

PEM_BLOCK = re.compile(rb"-----BEGIN ([^\n-]+)-----\r?\n(.*?)-----END \1-----", re.DOTALL)
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its key, PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Facts:
    """What is written in a certificate and decides whether it still serves."""

    names: frozenset[str]
    issued_at: float
    expires_at: float
    issuer_key_id: bytes


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What a certificate request asks for. `names` are DNS names and IP addresses; of others it is only told."""

    common_name: str
    organizations: tuple[str, ...]
    names: frozenset[str]
    has_other_names: bool
    key_hash: str


def make_ca(cluster_name: str, now: float) -> KeyPair:
    """A self-signed authority that lives longer than the cards it is stored on."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"pikube-ca-{cluster_name}")])
    certificate = (
        _builder(name, name, key.public_key(), now, CA_LIFE_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(is_ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return KeyPair(_pem(certificate), _key_pem(key))


def issue(ca: KeyPair, profile: Profile, names: Iterable[str], now: float, *, node: str = "") -> KeyPair:
    """A new key and its certificate by profile; `names` are the addresses and DNS names of a server."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(profile, node)
    return KeyPair(_sign(ca, profile, subject, key.public_key(), names, now), _key_pem(key))


def sign_request(
    ca: KeyPair, profile: Profile, csr: bytes, names: Iterable[str], now: float, *, node: str
) -> bytes:
    """Sign the key of a certificate request by profile: subject and names are the profile's, never the asker's.

    Raises: ValueError for a request that is malformed, not signed by its key, or of a weak key.
    """
    key = _checked_request(csr).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.key_size < 256:
        raise ValueError("the certificate request must have an ECDSA key of 256 bits or more")
    return _sign(ca, profile, _subject(profile, node), key, names, now)


def sign_as_asked(ca: KeyPair, profile: Profile, csr: bytes, now: float) -> bytes:
    """Sign a request with the subject and the names that it asks for; purposes and life are the profile's. Who calls
    this has judged them (`read_request`). ValueError for a request that is malformed or of a weak key.
    """
    request = _checked_request(csr)
    key = request.public_key()
    least = 256 if isinstance(key, ec.EllipticCurvePublicKey) else 2048
    if not isinstance(key, PublicKey) or getattr(key, "key_size", least) < least:
        raise ValueError("the key must be ECDSA of 256 bits, RSA of 2048 bits or more, or Ed25519")
    return _sign(ca, profile, request.subject, key, read_request(csr).names, now)


def read_request(csr: bytes) -> RequestFacts:
    """What a PEM certificate request asks for. ValueError when it is malformed or not signed by its key."""
    request = _checked_request(csr)
    names: set[str] = set()
    has_other_names = False
    try:
        san = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        pass
    else:
        names |= set(san.get_values_for_type(x509.DNSName))
        names |= {str(address) for address in san.get_values_for_type(x509.IPAddress)}
        has_other_names = any(not isinstance(name, x509.DNSName | x509.IPAddress) for name in san)
    common = [str(a.value) for a in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    organizations = request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return RequestFacts(
        common[0] if common else "",
        tuple(str(a.value) for a in organizations),
        frozenset(names),
        has_other_names,
        _key_hash(request.public_key()),
    )


def make_key() -> bytes:
    """A new P-256 key, PEM."""
    return _key_pem(ec.generate_private_key(ec.SECP256R1()))


def make_request(key: bytes, common_name: str, organizations: Iterable[str] = ()) -> bytes:
    """A certificate request for a key, PEM: proof that whoever sends it has the key."""
    private = serialization.load_pem_private_key(key, None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, o) for o in organizations]
    subject = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(private, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


def key_hash_of_request(csr: bytes) -> str:
    """The hash of a request's key. ValueError when it is malformed or not signed by its key."""
    return _key_hash(_checked_request(csr).public_key())


def key_hash_of_certificate(certificate_der: bytes) -> str:
    """The hash of a certificate's key: what a board is known by. ValueError."""
    return _key_hash(x509.load_der_x509_certificate(certificate_der).public_key())


def key_hash(key: bytes) -> str:
    """The hash of the public half of a private key, PEM."""
    return _key_hash(serialization.load_pem_private_key(key, None).public_key())


def is_key_of(certificate: bytes, key: bytes) -> bool:
    """Whether a private key is the one of a certificate, both PEM."""
    return _key_hash(x509.load_pem_x509_certificate(certificate).public_key()) == key_hash(key)


def expiry_of(certificate_der: bytes) -> float:
    """When it ends, in seconds since 1970. ValueError."""
    return x509.load_der_x509_certificate(certificate_der).not_valid_after_utc.timestamp()


def split_bundle(bundle: bytes) -> list[bytes]:
    """The certificates of a PEM bundle, each PEM. ValueError when there is none, or one is malformed."""
    return [_pem(certificate) for certificate in x509.load_pem_x509_certificates(bundle)]


def certificates_problem(bundle: bytes) -> str:
    """Why these are not certificates in PEM and nothing else, in Kubernetes' words; '' when they are."""
    blocks = PEM_BLOCK.findall(bundle)
    for kind, content in blocks:
        if kind != b"CERTIFICATE":
            return f'only CERTIFICATE PEM blocks are allowed, found "{kind.decode()}"'
        if b":" in content:
            return "no PEM block headers are permitted"
        try:
            x509.load_der_x509_certificate(base64.b64decode(content))
        except ValueError:
            return "x509: malformed certificate"
    return "" if blocks else "must contain at least one CERTIFICATE PEM block"


def facts_of(certificate: bytes) -> Facts:
    """What a PEM certificate says; ValueError if it is none."""
    cert = x509.load_pem_x509_certificate(certificate)
    names: set[str] = set()
    try:
        san = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        pass
    else:
        names |= set(san.get_values_for_type(x509.DNSName))
        names |= {str(address) for address in san.get_values_for_type(x509.IPAddress)}
    try:
        issuer = cert.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        issuer = b""  # an authority
    # not_valid_before lies far in the past on purpose: the serial number carries the time of issue
    issued_at = float(cert.serial_number >> 96)
    return Facts(frozenset(names), issued_at, cert.not_valid_after_utc.timestamp(), issuer or b"")


def key_id_of(ca_certificate: bytes) -> bytes:
    """The key identifier that leaves of this authority carry."""
    cert = x509.load_pem_x509_certificate(ca_certificate)
    return cert.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of the DER form, in hex: what people and tokens compare."""
    return x509.load_pem_x509_certificate(certificate).fingerprint(hashes.SHA256()).hex()


def _checked_request(csr: bytes) -> x509.CertificateSigningRequest:
    try:
        request = x509.load_pem_x509_csr(csr)
        is_valid = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError(f"the certificate request cannot be read: {error}") from None
    if not is_valid:
        raise ValueError("the certificate request is not signed by its own key")
    return request


def _key_hash(key: Any) -> str:
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()


def _sign(
    ca: KeyPair,
    profile: Profile,
    subject: x509.Name,
    public_key: PublicKey,
    names: Iterable[str],
    now: float,
) -> bytes:
    authority = x509.load_pem_x509_certificate(ca.certificate)
    signer = serialization.load_pem_private_key(ca.key, None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    builder = _builder(subject, authority.subject, public_key, now, profile.life_days)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(is_ca=False), critical=True)
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH] * profile.is_server
    purposes += [ExtendedKeyUsageOID.CLIENT_AUTH] * profile.is_client
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    issuer = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False
    )
    alternatives = [_general_name(name) for name in sorted(set(names))]
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return _pem(builder.sign(signer, hashes.SHA256()))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PublicKey, now: float, life_days: float
) -> x509.CertificateBuilder:
    serial = (int(now) << 96) | (x509.random_serial_number() >> 64)
    begins = datetime.fromisoformat(EPOCH).replace(tzinfo=UTC)
    ends = max(datetime.fromtimestamp(now, UTC), begins) + timedelta(days=life_days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


def _subject(profile: Profile, node: str) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, o) for o in profile.organizations]
    common_name = profile.common_name.format(node=node)
    attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    return x509.Name(attributes)


def _usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def named_by_kind(key: bytes) -> bytes:
    """The same key, `BEGIN EC PRIVATE KEY`: clients that go by that line (Java's fabric8) take others for RSA.
    One of another kind stays as it is."""
    found = serialization.load_pem_private_key(key, None)
    if not isinstance(found, ec.EllipticCurvePrivateKey):
        return key
    return found.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
