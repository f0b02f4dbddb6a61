"""The metric that tells which capq it is."""

import platform

from prometheus_client.core import GaugeMetricFamily, Metric

import captcha_core


def build_info() -> Metric:
    """Return the metric with capq's and Python's version."""
    labels = {"version": captcha_core.__version__, "python": platform.python_version()}
    family = GaugeMetricFamily("capq_build_info", "The version of capq", labels=list(labels))
    family.add_metric(list(labels.values()), 1)
    return family
