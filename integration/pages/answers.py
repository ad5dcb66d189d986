"""What all pages have in common: their headers, the pages for what cannot be shown, and who may post without a key."""

from urllib.parse import urlsplit

from flask import Request, Response, render_template, request

POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
PRIVATE = "private, no-store"


def harden(response: Response) -> Response:
    """Adds what every page carries. Style and scripts hold no secret: they may be kept and revalidated."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "pages.static":
        response.headers["Cache-Control"] = PRIVATE
    return response


def page(template: str, status: int = 200, **values: object) -> Response:
    """A rendered page."""
    return Response(render_template(template, **values), status, mimetype="text/html")


def not_found() -> Response:
    """One answer for a key that is forged, revoked, unknown or of another kind: it tells a guesser nothing."""
    return harden(page("not_found.html", 404))


def too_large() -> Response:
    """A form bigger than any of ours."""
    return harden(page("too_large.html", 413))


def posted_from_elsewhere(asked: Request, public_url: str) -> bool:
    """Whether a form on another site sent this. Requests that say nothing of where they come from are no browser's."""
    site = asked.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = asked.headers.get("Origin")
    public = urlsplit(public_url)
    # A proxy may speak TLS for us, so the scheme that we were asked by says nothing.
    ours = (f"http://{asked.host}", f"https://{asked.host}", f"{public.scheme}://{public.netloc}")
    return origin is not None and origin not in ours
