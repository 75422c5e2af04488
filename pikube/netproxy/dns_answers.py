"""Pure: DNS messages from the zone's answers: queries read, answers, negative ones and refusals written.

Enter: bytes of a query, an Answer. Leave: dnspython messages and their bytes within a size. Called by dns.py.
Sources: RFC 1035, 2308 (negative answers carry the SOA), 6891 (EDNS).
"""

from __future__ import annotations

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from pikube.netproxy.zone import TTL_S, Answer, Record, Zone

UDP_BYTES = 512  # without EDNS (RFC 1035 §4.2.1)
EDNS_BYTES = 1232  # what passes everywhere in one piece (dnsflagday.net 2020)

Message = dns.message.Message


def read_query(data: bytes) -> Message | None:
    """None for what is no query that deserves an answer."""
    try:
        query = dns.message.from_wire(data, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError, IndexError):
        return None
    return None if query.flags & dns.flags.QR else query


def problem_of(query: Message) -> dns.rcode.Rcode | None:
    """Why it is refused, if it is."""
    if query.edns > 0:
        return dns.rcode.BADVERS  # RFC 6891 §6.1.3
    if query.opcode() != dns.opcode.QUERY:
        return dns.rcode.NOTIMP
    if len(query.question) != 1 or query.question[0].rdclass != dns.rdataclass.IN:
        return dns.rcode.FORMERR if len(query.question) != 1 else dns.rcode.REFUSED
    if query.question[0].rdtype in (dns.rdatatype.AXFR, dns.rdatatype.IXFR):
        return dns.rcode.REFUSED
    return None


def failed(query: Message, code: dns.rcode.Rcode) -> Message:
    """An answer that says only that there is none."""
    response = dns.message.make_response(query, recursion_available=True, our_payload=EDNS_BYTES)
    response.set_rcode(code)
    return response


def answered(query: Message, found: Answer, zone: Zone) -> Message:
    """The zone's answer, with its authority; a name or type that is not there comes with the SOA."""
    response = dns.message.make_response(query, recursion_available=True, our_payload=EDNS_BYTES)
    response.flags |= dns.flags.AA
    asked = query.question[0].name
    for record in found.records:
        add(response.answer, record, asked)
    for record in found.additional:
        add(response.additional, record, asked)
    if not found.exists:
        response.set_rcode(dns.rcode.NXDOMAIN)
    if not found.records:
        soa = dns.rrset.from_text(f"{zone.domain}.", TTL_S, "IN", "SOA", zone.authority)
        response.authority.append(soa)
    return response


def add(section: list[dns.rrset.RRset], record: Record, asked: dns.name.Name) -> None:
    """Into its set; under the name as it was asked, in its very letters."""
    name = dns.name.from_text(f"{record.name}.")
    name = asked if name == asked else name
    made = dns.rrset.from_text(name, record.ttl_s, "IN", record.type, record.data)
    for known in section:
        if known.name == made.name and known.rdtype == made.rdtype:
            for rdata in made:
                known.add(rdata)
            return
    section.append(made)


def size_limit(query: Message) -> int:
    """How large a datagram the client takes."""
    return max(UDP_BYTES, min(query.payload, EDNS_BYTES)) if query.edns >= 0 else UDP_BYTES


def to_bytes(response: Message, limit: int = 65535) -> bytes:
    """At most `limit` bytes: what does not fit is left out, and the client told to ask by TCP."""
    try:
        return bytes(response.to_wire(max_size=limit))
    except dns.exception.TooBig:
        response.flags |= dns.flags.TC
        response.answer, response.authority, response.additional = [], [], []
        return bytes(response.to_wire(max_size=max(limit, UDP_BYTES)))
