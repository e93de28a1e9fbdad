"""Where the demo's alerts arrive: takes Alertmanager's webhook, prints a line for each alert, and lists the newest."""

from __future__ import annotations

from collections import deque
from typing import Any

from fastapi import FastAPI

KEPT = 100

app = FastAPI(title="inbox")
alerts: deque[str] = deque(maxlen=KEPT)


def line(alert: dict[str, Any]) -> str:
    """Return one alert in one line; what others wrote is shown without control characters."""
    labels, annotations = alert.get("labels", {}), alert.get("annotations", {})
    told = f"{alert.get('status')} {labels.get('alertname')} {labels.get('severity', '')}: {annotations.get('summary')}"
    return "".join(c if c.isprintable() else " " for c in told)


@app.post("/alerts")
async def receive(notification: dict[str, Any]) -> dict[str, int]:
    """Take a notification in the form of Alertmanager's webhook."""
    told = [line(alert) for alert in notification.get("alerts", [])]
    alerts.extend(told)
    print("\n".join(told), flush=True)
    return {"alerts": len(told)}


@app.get("/alerts")
async def newest() -> list[str]:
    """Return the newest alerts, the oldest of them first."""
    return list(alerts)
