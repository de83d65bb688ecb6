"""Features: what the service does beside showing cameras, one folder each."""

from pi_stream.config.reload import NEEDS_RESTART
from pi_stream.config.settings import config_with
from pi_stream.features.feature import FeatureSpec
from pi_stream.features.webhook import WEBHOOK

FEATURES: tuple[FeatureSpec, ...] = (WEBHOOK,)

CONFIG = config_with({each.name: each.settings for each in FEATURES})
"""The type of settings files, with the sections of all features."""

NEED_RESTART = NEEDS_RESTART | {f"{each.name}.{key}" for each in FEATURES for key in each.needs_restart}
"""All settings that a reload cannot change, as section.key."""

LIMITS = tuple(f"{each.name}.{key}" for each in FEATURES for key in each.limits)
"""The features' settings that are limits, as section.key."""
