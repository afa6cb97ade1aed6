"""Turns measured rounds into rows, a Markdown table and JSON."""

from runner.scenarios import paired_ratio, summary

# A generator that was busy for more than this share of the time may have been the limit.
LOAD_BOUND_SHARE = 0.95

RATIO_TARGETS = {
    "rate_min": ("rate", "rate ≥ {}×", lambda ratio, bound: ratio >= bound),
    "cpu_max": ("cpu_ns", "CPU ≤ {}×", lambda ratio, bound: ratio <= bound),
    "p50_max": ("p50_us", "p50 ≤ {}×", lambda ratio, bound: ratio <= bound),
    "p99_max": ("p99_us", "p99 ≤ {}×", lambda ratio, bound: ratio <= bound),
}


def evaluate(scenario, rounds):
    """One row: summaries of each side, ratios and the verdict on each target."""
    ours, peer, relay = rounds["ours"], rounds["peer"], rounds.get("relay", [])
    keys = ["rate", "cpu_ns", "user_ns", "system_ns", "p50_us", "p99_us", "p999_us", "rss_bytes",
            "load_share", "server_share", *scenario.values]
    row = {
        "name": scenario.name,
        "about": scenario.about,
        "ours": {key: summary(ours, key) for key in keys},
        "peer": {key: summary(peer, key) for key in keys},
        "ratio": {key: paired_ratio(ours, peer, key) for key in keys},
        "errors": [f"{side}: {run['error']}" for side, runs in rounds.items()
                   for run in runs if run["error"]],
        "targets": [],
    }
    for name, bound in scenario.targets.items():
        key, text, is_met = RATIO_TARGETS[name]
        ratio = row["ratio"][key]
        row["targets"].append({"text": text.format(bound), "value": ratio,
                               "met": ratio is not None and is_met(ratio, bound)})
    for key, limits in scenario.values.items():
        if "max" in limits:
            value = row["ours"][key]
            row["targets"].append({"text": f"{key} ≤ {human(limits['max'], key)}", "key": key,
                                   "value": value and value["median"],
                                   "met": bool(value) and value["median"] <= limits["max"]})
    if relay:
        row["relay"] = {key: summary(relay, key) for key in ("rate", "cpu_ns")}
        row["ratio"]["relay"] = ratio = paired_ratio(ours, relay, "rate")
        row["targets"].append({"text": f"≥ {scenario.relay_min} of a relay", "value": ratio,
                               "met": ratio is not None and ratio >= scenario.relay_min})
    return row


def human(value, key=""):
    if value is None:
        return "–"
    if key.startswith("bytes_per"):
        return f"{value:,.0f} B"
    if key.endswith("bytes"):
        return f"{value / 1048576:.1f} MiB"
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g} {unit}"
    return f"{value:.3g}"


def spread(entry, key=""):
    if entry is None:
        return "–"
    return f"{human(entry['median'], key)} ({human(entry['min'], key)}–{human(entry['max'], key)})"


def ratio_text(value):
    return "–" if value is None else f"{value:.2f}"


def verdict(row, only_key=None):
    if row["errors"]:
        return "**FAILED**: " + "; ".join(sorted(set(row["errors"])))
    targets = [target for target in row["targets"] if only_key in (None, target.get("key"))]
    missed = [f"{target['text']} (is {human(target['value'], target.get('key', ''))})"
              for target in targets if not target["met"]]
    if missed:
        return "**misses** " + ", ".join(missed)
    return "meets " + ", ".join(target["text"] for target in targets) if targets else ""


def load_bound_mark(entry):
    share = entry["load_share"]
    return " †" if share and share["median"] > LOAD_BOUND_SHARE else ""


def latency(entry):
    p50, p99 = entry["p50_us"], entry["p99_us"]
    if not p50 or p50["max"] == 0:
        return "–"
    return f"{human(p50['median'])} / {human(p99['median'])}"


def load_table_lines(rows):
    lines = ["| scenario | ours /s | peer /s | rate × | ours CPU ns | peer CPU ns | CPU × "
             "| ours p50 / p99 µs | peer p50 / p99 µs | p99 × | target |",
             "|---|---|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        ours, peer, ratio = row["ours"], row["peer"], row["ratio"]
        lines.append(
            f"| {row['name']}: {row['about']} "
            f"| {spread(ours['rate'])}{load_bound_mark(ours)} "
            f"| {spread(peer['rate'])}{load_bound_mark(peer)} | {ratio_text(ratio['rate'])} "
            f"| {spread(ours['cpu_ns'])} | {spread(peer['cpu_ns'])} "
            f"| {ratio_text(ratio['cpu_ns'])} | {latency(ours)} | {latency(peer)} "
            f"| {ratio_text(ratio['p99_us'])} | {verdict(row)} |")
        if "relay" in row:
            lines.append(f"| &nbsp;&nbsp;a pure relay of the same bytes | "
                         f"| {spread(row['relay']['rate'])} | {ratio_text(ratio['relay'])} "
                         f"| | {spread(row['relay']['cpu_ns'])} | | | | | |")
    return lines


def value_table_lines(rows, scenarios):
    lines = ["| scenario | value | ours | peer | × | target |", "|---|---|---|---|---|---|"]
    for row in rows:
        for key in scenarios[row["name"]].values:
            ours, peer = row["ours"][key], row["peer"][key]
            lines.append(f"| {row['name']}: {row['about']} | {key} | {spread(ours, key)} "
                         f"| {spread(peer, key)} | {ratio_text(row['ratio'][key])} "
                         f"| {verdict(row, key)} |")
    return lines


def markdown(header, rows, scenarios):
    by_name = {scenario.name: scenario for scenario in scenarios}
    loads = [row for row in rows if not by_name[row["name"]].values]
    values = [row for row in rows if by_name[row["name"]].values]
    lines = [f"- {key}: {text}" for key, text in header.items()]
    if loads:
        lines += ["", *load_table_lines(loads)]
        lines += ["", "Medians (least–most); × is the median over the rounds of ours / peer. "
                      "CPU is server time per delivered message, request or connection (per "
                      "published message where nobody subscribes). Latency under a full load is "
                      "the time in queues. † the load generator was the limit."]
    if values:
        lines += ["", *value_table_lines(values, by_name)]
    return "\n".join(lines) + "\n"
