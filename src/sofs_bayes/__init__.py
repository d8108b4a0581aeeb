"""Bayesian re-analysis of the Signs of Safety evaluation.

An index of the public names; each is loaded when it is first asked for, so that facts and
tables do not wait for PyMC.
"""

from importlib import import_module
from inspect import isfunction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sofs_bayes.bayes.from_published import posterior
    from sofs_bayes.bayes.printed_summaries import probability
    from sofs_bayes.cells.files import read_cells
    from sofs_bayes.disclosure.rules import OutputRule
    from sofs_bayes.errors import BadInput, BadSpec, SofsBayesError
    from sofs_bayes.frequentist.gram import gram
    from sofs_bayes.frequentist.published_analysis import published_analysis
    from sofs_bayes.frequentist.terms import child_terms as covariate_terms
    from sofs_bayes.frequentist.terms import design as regression_design
    from sofs_bayes.matching.authorities import choose_comparators
    from sofs_bayes.matching.pre_trend import pre_trend_fit
    from sofs_bayes.matching.strata import match_frame, read_matched
    from sofs_bayes.pages.calibration_page import calibration_drawings
    from sofs_bayes.pages.pictures import brackets as bracket_drawings
    from sofs_bayes.pages.pictures import drawings
    from sofs_bayes.pages.replication_page import rates_figure as replication_drawing
    from sofs_bayes.pages.replication_page import replication_tables
    from sofs_bayes.pages.show import show
    from sofs_bayes.pipeline.before import pictures_before
    from sofs_bayes.pipeline.beginning import check, init
    from sofs_bayes.pipeline.calibrate import calibrate, calibrate_all
    from sofs_bayes.pipeline.children import collapse, match, matched_file
    from sofs_bayes.pipeline.comparison import compare
    from sofs_bayes.pipeline.disclosure import cleared, disclose
    from sofs_bayes.pipeline.fits import fit, model, save
    from sofs_bayes.pipeline.from_print import from_print
    from sofs_bayes.pipeline.levels import at_level, read_run
    from sofs_bayes.pipeline.panel_prior import correlation_prior
    from sofs_bayes.pipeline.placebo import placebo
    from sofs_bayes.pipeline.reanalysis import reanalyse
    from sofs_bayes.pipeline.recovery import recover
    from sofs_bayes.pipeline.replication import replicate
    from sofs_bayes.pipeline.report import report
    from sofs_bayes.pipeline.simulation import simulate
    from sofs_bayes.published.audit import audit
    from sofs_bayes.published.facts import fact, load_facts, stated
    from sofs_bayes.records.open_data import read_panel
    from sofs_bayes.runs.run_folder import open_posterior
    from sofs_bayes.spec import bundled_models, load
    from sofs_bayes.tables.contents import (
        brackets_table,
        diagnostics_table,
        effects_table,
        findings_table,
        hierarchical_diagnostics,
        matches_table,
        notices_table,
        pilots_table,
        pre_trend_table,
        publication_tables,
        rates_table,
        sensitivity_table,
    )
    from sofs_bayes.tables.contents.calibration import calibration_tables
    from sofs_bayes.tables.files import to_excel, to_word
    from sofs_bayes.tables.formats import Column, Table, to_csv, to_html, to_json, to_markdown
    from sofs_bayes.tables.latex import to_latex

# Name → (module, name there), in reading order: spec, print, open data, children, fits, results.
_PUBLIC = {
    "load": ("spec", "load"),
    "bundled_models": ("spec", "bundled_models"),
    "load_facts": ("published.facts", "load_facts"),
    "fact": ("published.facts", "fact"),
    "stated": ("published.facts", "stated"),
    "audit": ("published.audit", "audit"),
    "findings_table": ("tables.contents", "findings_table"),
    "brackets_table": ("tables.contents", "brackets_table"),
    "bracket_drawings": ("pages.pictures", "brackets"),
    "posterior": ("bayes.from_published", "posterior"),
    "probability": ("bayes.printed_summaries", "probability"),
    "from_print": ("pipeline.from_print", "from_print"),
    "correlation_prior": ("pipeline.panel_prior", "correlation_prior"),
    "read_panel": ("records.open_data", "read_panel"),
    "choose_comparators": ("matching.authorities", "choose_comparators"),
    "pre_trend_fit": ("matching.pre_trend", "pre_trend_fit"),
    "init": ("pipeline.beginning", "init"),
    "check": ("pipeline.beginning", "check"),
    "pictures_before": ("pipeline.before", "pictures_before"),
    "simulate": ("pipeline.simulation", "simulate"),
    "match": ("pipeline.children", "match"),
    "matched_file": ("pipeline.children", "matched_file"),
    "read_matched": ("matching.strata", "read_matched"),
    "match_frame": ("matching.strata", "match_frame"),
    "replicate": ("pipeline.replication", "replicate"),
    "published_analysis": ("frequentist.published_analysis", "published_analysis"),
    "covariate_terms": ("frequentist.terms", "child_terms"),
    "regression_design": ("frequentist.terms", "design"),
    "replication_tables": ("pages.replication_page", "replication_tables"),
    "replication_drawing": ("pages.replication_page", "rates_figure"),
    "collapse": ("pipeline.children", "collapse"),
    "read_cells": ("cells.files", "read_cells"),
    "gram": ("frequentist.gram", "gram"),
    "fit": ("pipeline.fits", "fit"),
    "model": ("pipeline.fits", "model"),
    "save": ("pipeline.fits", "save"),
    "read_run": ("pipeline.levels", "read_run"),
    "at_level": ("pipeline.levels", "at_level"),
    "open_posterior": ("runs.run_folder", "open_posterior"),
    "compare": ("pipeline.comparison", "compare"),
    "calibrate": ("pipeline.calibrate", "calibrate"),
    "calibrate_all": ("pipeline.calibrate", "calibrate_all"),
    "recover": ("pipeline.recovery", "recover"),
    "placebo": ("pipeline.placebo", "placebo"),
    "effects_table": ("tables.contents", "effects_table"),
    "sensitivity_table": ("tables.contents", "sensitivity_table"),
    "diagnostics_table": ("tables.contents", "diagnostics_table"),
    "publication_tables": ("tables.contents", "publication_tables"),
    "pilots_table": ("tables.contents", "pilots_table"),
    "rates_table": ("tables.contents", "rates_table"),
    "pre_trend_table": ("tables.contents", "pre_trend_table"),
    "matches_table": ("tables.contents", "matches_table"),
    "notices_table": ("tables.contents", "notices_table"),
    "hierarchical_diagnostics": ("tables.contents", "hierarchical_diagnostics"),
    "calibration_tables": ("tables.contents.calibration", "calibration_tables"),
    "Table": ("tables.formats", "Table"),
    "Column": ("tables.formats", "Column"),
    "to_csv": ("tables.formats", "to_csv"),
    "to_html": ("tables.formats", "to_html"),
    "to_markdown": ("tables.formats", "to_markdown"),
    "to_json": ("tables.formats", "to_json"),
    "to_latex": ("tables.latex", "to_latex"),
    "to_word": ("tables.files", "to_word"),
    "to_excel": ("tables.files", "to_excel"),
    "drawings": ("pages.pictures", "drawings"),
    "calibration_drawings": ("pages.calibration_page", "calibration_drawings"),
    "show": ("pages.show", "show"),
    "report": ("pipeline.report", "report"),
    "reanalyse": ("pipeline.reanalysis", "reanalyse"),
    "cleared": ("pipeline.disclosure", "cleared"),
    "OutputRule": ("disclosure.rules", "OutputRule"),
    "disclose": ("pipeline.disclosure", "disclose"),
    "SofsBayesError": ("errors", "SofsBayesError"),
    "BadInput": ("errors", "BadInput"),
    "BadSpec": ("errors", "BadSpec"),
}

__all__ = [
    "BadInput",
    "BadSpec",
    "Column",
    "OutputRule",
    "SofsBayesError",
    "Table",
    "at_level",
    "audit",
    "bracket_drawings",
    "brackets_table",
    "bundled_models",
    "calibrate",
    "calibrate_all",
    "calibration_drawings",
    "calibration_tables",
    "check",
    "choose_comparators",
    "cleared",
    "collapse",
    "compare",
    "correlation_prior",
    "covariate_terms",
    "diagnostics_table",
    "disclose",
    "drawings",
    "effects_table",
    "fact",
    "findings_table",
    "fit",
    "from_print",
    "gram",
    "hierarchical_diagnostics",
    "init",
    "load",
    "load_facts",
    "match",
    "match_frame",
    "matched_file",
    "matches_table",
    "model",
    "notices_table",
    "open_posterior",
    "pictures_before",
    "pilots_table",
    "placebo",
    "posterior",
    "pre_trend_fit",
    "pre_trend_table",
    "probability",
    "publication_tables",
    "published_analysis",
    "rates_table",
    "read_cells",
    "read_matched",
    "read_panel",
    "read_run",
    "reanalyse",
    "recover",
    "regression_design",
    "replicate",
    "replication_drawing",
    "replication_tables",
    "report",
    "save",
    "sensitivity_table",
    "show",
    "simulate",
    "stated",
    "to_csv",
    "to_excel",
    "to_html",
    "to_json",
    "to_latex",
    "to_markdown",
    "to_word",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sofs_bayes.parameters import checked

    module, there = _PUBLIC[name]
    found = getattr(import_module(f"{__name__}.{module}"), there)
    return checked(found) if isfunction(found) else found


def __dir__() -> list[str]:
    return sorted(__all__)
