"""Make small files in the format of the DfE's statistics, with numbers of our own.

    python tests/data/make_dfe.py [FOLDER]

Fifteen authorities with made-up names and codes, four of them pilots with a known effect, over
the financial years 2012 to 2019, and the traps that the real files hold. `truth.json` says what
was planted. The same seed gives the same bytes.
"""

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np

SEED = 20150331
YEARS = range(2012, 2020)
FOLDER = Path(__file__).parent / "dfe"

BASE_LOGIT = -1.5
YEARLY_DRIFT = 0.03
AUTHORITY_SD = 0.3
SHOCK_SD = 0.04
EFFECT = -0.4
DEVIATIONS = {
    "Ashmere": 0.05,
    "Brackwater, City of": -0.05,
    "Coldharbour": 0.0,
    "Dunmarsh": 0.0,
}
SETTLING_IN = {
    "Ashmere": (2014, 2015),
    "Brackwater, City of": (2014, 2015),
    "Coldharbour": (2015, 2016),
    "Dunmarsh": (2014, 2015),
}
# code, name, region, size: children who start to be in need per year, about
AUTHORITIES = [
    ("101", "Ashmere", "North", 5200),
    ("102", "Brackwater, City of", "South", 4300),
    ("103", "Coldharbour", "North", 3900),
    ("104", "Dunmarsh", "South", 4800),
    ("105", "Ellerwick", "North", 4100),
    ("106", "Fennick", "South", 3300),
    ("107", "Garrowdale", "North", 6100),
    ("108", "Hollin Bay", "South", 2900),
    ("109", "Inverley", "North", 3700),
    ("110", "Kestrel Vale", "South", 4500),
    ("111", "Larkhaven", "North", 5600),
    ("112", "Marlow Fen", "South", 2700),
    ("113", "Northmere", "North", 240),
    ("114", "Ottersby", "South", 3500),
    ("115", "Westmarch", "North", 3100),
]
REGIONS = {"North": "E12999991", "South": "E12999992"}
LAST_OLD_WESTMARCH = 2016

Counts = dict[str, dict[int, dict[str, int | str]]]


def draw_counts(rng: np.random.Generator) -> Counts:
    """True counts by authority, year and indicator, before any trap is laid."""
    counts: Counts = {}
    for _, name, _, size in AUTHORITIES:
        level = BASE_LOGIT + AUTHORITY_SD * rng.standard_normal()
        per_year = counts[name] = {}
        for year in YEARS:
            logit = level + YEARLY_DRIFT * (year - 2012) + SHOCK_SD * rng.standard_normal()
            logit += effect(name, year)
            started = int(size * np.exp(0.05 * rng.standard_normal()))
            conferences = int(rng.binomial(started, 1 / (1 + np.exp(-logit))))
            per_year[year] = {
                "ICPC": int(conferences * 1.02),
                "ICPC_child": conferences,
                "Started_episodes": int(started * 1.07),
                "Started_child": started,
                "referral_count": int(started * 1.8),
                "referral_child_count": int(started * 1.6),
            }
    return counts


def effect(name: str, year: int) -> float:
    """The planted effect in log-odds: half of it while settling in."""
    if name not in SETTLING_IN or year < SETTLING_IN[name][0]:
        return 0.0
    whole = EFFECT + DEVIATIONS[name]
    return whole if year > SETTLING_IN[name][1] else whole / 2


def lay_traps(counts: Counts) -> None:
    """Change counts in place as the real files have them changed."""
    for indicator in counts["Dunmarsh"][2012]:  # no figures, then another way of recording
        counts["Dunmarsh"][2012][indicator] = "x"
    for indicator in ("ICPC", "ICPC_child"):
        counts["Dunmarsh"][2013][indicator] = int(counts["Dunmarsh"][2013][indicator]) // 4
    counts["Northmere"][2013] |= {"ICPC": "c", "ICPC_child": "c"}
    counts["Northmere"][2016] |= {"ICPC": "low", "ICPC_child": "low"}
    counts["Northmere"][2017] |= {"ICPC": "z", "ICPC_child": "z"}
    counts["Marlow Fen"][2014] |= {"Started_episodes": "u", "Started_child": "u"}
    for year in YEARS:  # rounded to the nearest 5
        for indicator, count in counts["Kestrel Vale"][year].items():
            counts["Kestrel Vale"][year][indicator] = 5 * round(int(count) / 5)


def identity(code: str, name: str, year: int, file: str) -> tuple[str, str, str]:
    """Three-digit code, nine-character code and name of an authority in a year and file."""
    new_code = f"E06999{code}"
    if name == "Larkhaven" and year < 2019 and file == "conferences":
        new_code = "E06999991"  # the same authority before a change of boundary
    if name == "Hollin Bay" and year < 2014:
        name = "Hollin"
    if name == "Westmarch" and year > LAST_OLD_WESTMARCH:
        code, new_code = "116", "E06999116"  # abolished; its successor has its name
    return code, new_code, name


FILES = {
    "conferences": ("Section 47s and ICPCs", ("ICPC", "ICPC_child")),
    "children_in_need": ("Children in Need", ("Started_episodes", "Started_child")),
    "referrals": ("Referrals", ("referral_count", "referral_child_count", "referral_percent")),
}
PLACE = ("country_code", "country_name", "region_code", "region_name")
HEADER = (
    *("time_period", "time_identifier", "geographic_level", *PLACE),
    *("old_la_code", "new_la_code", "la_name", "category"),
)


def table(file: str, counts: Counts) -> str:
    """One file as CSV text: years from the last, in each the nation, regions, authorities."""
    category, indicators = FILES[file]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*HEADER, *indicators))
    for year in reversed(YEARS):
        time = (year + 1, "Reporting year")
        england = ("E92000001", "England")
        for region, region_code in (("", ""), *REGIONS.items()):
            inside = [a for a in AUTHORITIES if region in ("", a[2])]
            totals = [_total(counts, inside, year, indicator) for indicator in indicators]
            level = "Regional" if region else "National"
            writer.writerow(
                (*time, level, *england, region_code, region, "", "", "", category, *totals)
            )
        for code, name, region, _ in AUTHORITIES:
            place = (*england, REGIONS[region], region, *identity(code, name, year, file))
            values = [counts[name][year].get(indicator, "12.5") for indicator in indicators]
            writer.writerow((*time, "Local authority", *place, category, *values))
        if file == "referrals" and year == 2014:
            place = (*england, "", "", "x", "x", "Not available")
            writer.writerow((*time, "Local authority", *place, category, 31, 28, "12.5"))
    return out.getvalue()


def _total(counts: Counts, inside: list[tuple[str, str, str, int]], year: int, of: str) -> str:
    """A total over authorities, rounded to the nearest 10."""
    if of == "referral_percent":
        return "12.5"
    values = [counts[name][year][of] for _, name, _, _ in inside]
    return str(10 * round(sum(value for value in values if isinstance(value, int)) / 10))


def make(folder: Path) -> None:
    """Write the files and what was planted in them."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = draw_counts(np.random.default_rng(SEED))
    lay_traps(counts)
    for file in FILES:
        encoding = "utf-8-sig" if file == "conferences" else "utf-8"
        (folder / f"{file}.csv").write_bytes(table(file, counts).encode(encoding))
    truth = {
        "seed": SEED,
        "effect_logit": EFFECT,
        "pilot_deviations_logit": DEVIATIONS,
        "settling_in": SETTLING_IN,
        "authority_sd": AUTHORITY_SD,
        "shock_sd": SHOCK_SD,
        "yearly_drift_logit": YEARLY_DRIFT,
        "base_logit": BASE_LOGIT,
    }
    (folder / "truth.json").write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
