"""Every route of the server, one row each. What is not in a row is not served.

What other viewers notice needs the right to control: the picture, and what they read. All else that a viewer does needs
the right to view. Features add rows of their own.
"""

from pathlib import Path

from pi_stream.auth.rights import Right
from pi_stream.captions.caption import Caption, CaptionDraft
from pi_stream.health.doctor_report import Report
from pi_stream.server.http import captions, certificate, health, login, mjpeg, page_files, snapshots
from pi_stream.server.http.metrics import metrics
from pi_stream.server.http.openapi import openapi
from pi_stream.server.route import Answer, Operation, Route
from pi_stream.server.websocket.endpoint import websocket
from pi_stream.server.websocket.text_pictures import text_socket

NOTHING, VIEW, CONTROL = Right

_GONE = Answer("Removed", media_type=None)
_CAPTION = Answer("The caption as it is now", schema=Caption)
_NO_FRAME = Answer("No frame: a picture that shows the reason", "image/*")


def all_routes(www: Path) -> list[Route]:
    """The rows of the server; `www` is the folder of the page."""
    return [*_CAMERA, *_SERVICE, *page_files.routes(www)]


# Also served under /cameras/{camera}/.
_CAMERA = (
    Route("GET", "/ws", websocket, VIEW, camera=True),
    Route("GET", "/ws/text", text_socket, VIEW, camera=True),
    Route(
        "GET",
        "/stream.mjpg",
        mjpeg.stream_mjpg,
        VIEW,
        camera=True,
        linkable=True,
        embeddable=True,
        head=False,
        operation=Operation(
            id="getStream",
            summary="MJPEG: one JPEG after the other, without an end",
            query=snapshots.StreamQuery,
            answers={200: Answer("Parts", "multipart/x-mixed-replace")},
        ),
    ),
    Route(
        "GET",
        "/snapshot.jpg",
        snapshots.snapshot_jpg,
        VIEW,
        camera=True,
        linkable=True,
        embeddable=True,
        operation=Operation(
            id="getSnapshot",
            summary="The newest frame with captions",
            query=snapshots.PictureQuery,
            answers={200: Answer("JPEG", "image/jpeg"), 503: _NO_FRAME},
        ),
    ),
    Route(
        "GET",
        "/snapshot.png",
        snapshots.snapshot_png,
        VIEW,
        camera=True,
        linkable=True,
        embeddable=True,
        operation=Operation(
            id="getLosslessSnapshot",
            summary="The newest frame with captions, lossless",
            query=snapshots.PictureQuery,
            answers={200: Answer("PNG", "image/png"), 503: _NO_FRAME},
        ),
    ),
    Route(
        "GET",
        "/healthz",
        health.healthz,
        NOTHING,  # for monitoring, which needs no password: whether there are frames, and why not
        camera=True,
        operation=Operation(
            id="getHealth",
            summary="Whether frames flow; without the name of a camera, from all cameras",
            answers={200: Answer("They do", schema=health.Health), 503: Answer("They do not", schema=health.Health)},
        ),
    ),
    Route(
        "GET",
        "/api/status",
        health.status,
        VIEW,
        camera=True,
        operation=Operation(
            id="getStatus",
            summary="The state of the service and of its cameras",
            answers={200: Answer("Status", schema=health.Status)},
        ),
    ),
    Route(
        "GET",
        "/api/captions",
        captions.list_captions,
        VIEW,
        camera=True,
        operation=Operation(
            id="listCaptions",
            summary="All captions",
            answers={200: Answer("Captions", schema=captions.CaptionList)},
        ),
    ),
    Route(
        "POST",
        "/api/captions",
        captions.post_caption,
        CONTROL,
        camera=True,
        operation=Operation(id="createCaption", summary="Create a caption", body=CaptionDraft, answers={201: _CAPTION}),
    ),
    Route(
        "GET",
        "/api/captions/{id}",
        captions.get_caption,
        VIEW,
        camera=True,
        operation=Operation(id="getCaption", summary="One caption", answers={200: _CAPTION}),
    ),
    Route(
        "PUT",
        "/api/captions/{id}",
        captions.put_caption,
        CONTROL,
        camera=True,
        operation=Operation(
            id="putCaption",
            summary="Create a caption under this id, or replace it",
            body=CaptionDraft,
            answers={200: _CAPTION, 201: _CAPTION},
        ),
    ),
    Route(
        "DELETE",
        "/api/captions/{id}",
        captions.delete_caption,
        CONTROL,
        camera=True,
        operation=Operation(id="deleteCaption", summary="Remove a caption", answers={204: _GONE}),
    ),
)

_SERVICE = (
    Route(
        "GET",
        "/api/cameras",
        health.cameras,
        VIEW,
        operation=Operation(
            id="listCameras",
            summary="All cameras; the first one is the camera of the paths without a name",
            answers={200: Answer("Cameras", schema=health.CameraList)},
        ),
    ),
    Route(
        "GET",
        "/api/doctor",
        health.doctor,
        VIEW,
        operation=Operation(
            id="getDoctorReport",
            summary="What is wrong, and what fixes it",
            answers={200: Answer("Report", schema=Report)},
        ),
    ),
    Route(
        "GET",
        "/api/next",
        health.next_steps,
        VIEW,
        operation=Operation(
            id="listNextSteps",
            summary="What is left to set up on a new appliance",
            answers={200: Answer("Steps", schema=health.NextSteps)},
        ),
    ),
    Route(
        "GET",
        "/api/access",
        login.get_access,
        NOTHING,
        operation=Operation(
            id="getAccess",
            summary="Whether passwords are required, and what the client may do",
            answers={200: Answer("Access", schema=login.AccessState)},
        ),
    ),
    Route(
        "POST",
        "/api/links",
        login.post_link,
        CONTROL,
        operation=Operation(
            id="createLink",
            summary="Create a path that anyone may GET for some seconds",
            body=login.LinkDraft,
            answers={201: Answer("The path", schema=login.Link)},
        ),
    ),
    Route("GET", "/api/openapi.json", openapi, VIEW),
    Route(
        "GET",
        "/metrics",
        metrics,
        VIEW,
        operation=Operation(
            id="getMetrics",
            summary="Numbers for Prometheus",
            answers={200: Answer("Prometheus text format 0.0.4", "text/plain")},
        ),
    ),
    Route("GET", "/login", login.login_page, NOTHING),
    Route("POST", "/login", login.login, NOTHING),
    Route("POST", "/logout", login.logout, NOTHING),
    # The certificate is no secret: every TLS handshake shows it.
    Route("GET", "/certificate", certificate.certificate_page, NOTHING),
    Route(
        "GET",
        "/certificate.pem",
        certificate.certificate_file,
        NOTHING,
        operation=Operation(
            id="getCertificate",
            summary="The certificate of the service, if it speaks https",
            answers={200: Answer("PEM", "application/x-pem-file")},
        ),
    ),
)
