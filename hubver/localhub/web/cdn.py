"""Addresses of large files on another origin than the Hub's, as on the CDN of the real one: signed, and for a while."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from hubver.localhub.errors import HubError
from hubver.localhub.large.pointers import Pointer

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubver.localhub.web.call import Call

LIFETIME_S = 3600
"""How long an address works. A download that has begun goes on."""


@dataclass(frozen=True)
class Cdn:
    """The origin that `resolve` leads to.

    Args:
        port: TCP port on the Hub's host.
        clock: seconds since 1970.
    """

    port: int
    clock: Callable[[], float] = time.time

    def address(self, call: Call, pointer: Pointer, name: str) -> str:
        """Address of an object, good for whoever knows it, by the host name under which the client reached the Hub.

        Args:
            call: what the address is asked for with.
            pointer: the object.
            name: under which a browser is to save it.
        """
        expires = int(self.clock()) + LIFETIME_S
        facts = urlencode({"size": pointer.size, "name": name, "expires": expires})
        signature = call.hub.sign(f"large/{pointer.oid}?{facts}")
        query = f"{facts}&signature={signature}"
        return str(call.request.url.replace(port=self.port, path=f"/large/{pointer.oid}", query=query))

    def authorised(self, call: Call) -> tuple[Pointer, str]:
        """Answer the object that an address is about, and its name.

        Raises:
            HubError: 403 for an address that has expired, or that this process has not signed.
        """
        facts, _, signature = call.request.url.query.rpartition("&signature=")
        oid = call.param("oid")
        if not call.hub.is_signed(f"large/{oid}?{facts}", signature):
            raise HubError(403, "The address is not signed, or was signed before the Hub was restarted")
        if int(call.request.query_params["expires"]) <= self.clock():
            raise HubError(403, "The address has expired")
        return Pointer(oid, int(call.request.query_params["size"])), call.request.query_params["name"]
