"""Webhook: events of the service, sent to another program as JSON by POST. See docs/webhook.md."""

from typing import TYPE_CHECKING

from pi_stream.features.feature import Feature, FeatureSpec
from pi_stream.features.webhook.settings import WebhookSettings

if TYPE_CHECKING:
    from pi_stream.server.context import AppContext


def _open(context: "AppContext") -> Feature:
    from pi_stream.features.webhook.webhook import Webhook  # not earlier: see FeatureSpec

    return Webhook(context)


WEBHOOK = FeatureSpec("webhook", WebhookSettings, _open, limits=("queue",))
