"""What must hold, in the order of docs/proof.md: each promise is shown by the tests that record counts for it.

A test calls `record_count(key, ...)` with the key of a promise. docs/proof.md has one row per promise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["PROMISES", "SECTIONS", "Promise"]


@dataclass(frozen=True)
class Promise:
    """One row of docs/proof.md."""

    key: str
    text: str
    not_tested: str = ""
    """Why no test shows the promise; empty if tests do."""


SECTIONS: Final[dict[str, dict[str, tuple[Promise, ...]]]] = {
    "Correct results": {
        "scores": (
            Promise(
                "compiled scores",
                "Compiled scores of all pairs equal a float64 reference bit for bit, for any terms, weights and data.",
            ),
            Promise(
                "compiled lists", "The lists of each strategy (pruned, dense, clustered) equal those of the reference."
            ),
            Promise(
                "simulated card",
                "Lists of a simulated graphics card equal those of the reference: ids, order and four scores.",
            ),
            Promise(
                "oracle scores",
                "The scores of `standard` equal a second implementation of the formulas, written independently: "
                "totals, groups and components.",
            ),
            Promise(
                "oracle lists",
                "Lists equal those of the second implementation, with its eligibility rules and its cap per company.",
            ),
            Promise(
                "own rules",
                "Lists, reasons and counts under rules of your own equal a second evaluation, pair by pair: all forms, "
                "missing values, ties, caps, candidates and clocks.",
            ),
            Promise("components", "Every shipped component equals its plain formula, also with unusual data."),
        ),
        "order": (
            Promise(
                "list stability",
                "Lists do not depend on the chunk size, the number of workers, or the order of rows in tables and "
                "requests.",
            ),
            Promise("training threads", "Trained factors have the same bits on any number of threads."),
            Promise(
                "invariants",
                "Lists do not depend on the strategy, and all other invariants of `scoring.testing` hold.",
            ),
            Promise("single user", "A user who is ranked alone has the same list as in a batch."),
            Promise("list length", "A shorter list is the beginning of a longer one."),
            Promise("broken engines", "The invariants detect engines that are broken on purpose."),
        ),
        "ties": (Promise("ties", "Of equal scores, the smaller job id comes first."),),
        "classic": (
            Promise("classic scores", "The scores of `classic` equal the legacy formulas, pair by pair."),
            Promise("legacy engine", "The engine that legacy code calls returns the scores of the legacy formulas."),
            Promise("legacy methods", "Every documented legacy method returns a result."),
            Promise("database handles", "Scoring methods return correct scores with each kind of database handle."),
        ),
        "live": (
            Promise(
                "live lists",
                "After every event, live lists equal lists built from scratch by the reference: ids, order and four "
                "scores, also with late, repeated and reordered events. After a tick, they equal a normal run.",
            ),
            Promise(
                "live learned",
                "The same holds with trained models of each shape: trees and networks, inputs of jobs, users and "
                "pairs.",
            ),
            Promise(
                "live log",
                "The log of live lists has the rows of the tables after random statements of other programs, commits "
                "in any order, and pages of any length, on SQLite and PostgreSQL.",
            ),
            Promise(
                "live kills",
                "After a process of live lists is killed (`kill -9`), at named points or at random, the next one has "
                "the lists of the tables: no event is lost, applied twice, or kept without its row.",
            ),
        ),
        "metrics": (Promise("metrics", "Each metric equals that of trec_eval to 1e-9."),),
    },
    "Sound evidence": {
        "marks": (
            Promise(
                "confirmation",
                "**Confirm** of the panel marks 5 ± 1 % of the sessions without a true difference: 20 moves, and a "
                "test of the move that looked best.",
            ),
            Promise(
                "declared goal", "The mark of a declared goal is on 5 ± 1 % of the samples without a true difference."
            ),
            Promise(
                "power",
                "A true difference of the printed `detectable` gets its mark in at least 75 % of the samples, and in "
                "at most 90 % on average over the measures.",
            ),
        ),
        "leaks": (
            Promise("planted leaks", "The check of a holdout reports leaks that are planted in the data."),
            Promise("false alarms", "It reports a leak in at most 2 % of the holdouts of data without leaks."),
            Promise(
                "training leaks", "No input of a training frame depends on an action after the cut of its holdout."
            ),
        ),
    },
    "Robust runs": {
        "killed": (
            Promise(
                "random kills",
                "Runs that are killed (`kill -9`) at random moments and resumed have the same bytes and rows as an "
                "uninterrupted run: no user is lost or duplicated, and no temporary file is left.",
            ),
            Promise("kill points", "The same holds for a kill at each point of a run, at its first and its last pass."),
            Promise(
                "killed processes", "The same holds for commands in their own processes, on SQLite and PostgreSQL."
            ),
        ),
        "cluster": (
            Promise(
                "lost workers",
                "Runs on a cluster publish the bytes of a run without it while workers are killed at random moments.",
            ),
            Promise(
                "lost drivers",
                "Runs on a cluster whose driver is killed at random moments and resumed have the bytes and rows of a "
                "run without it.",
            ),
            Promise("cut links", "The same bytes are published while links between machines are cut or delayed."),
        ),
        "readers": (
            Promise(
                "whole runs",
                "Readers see only whole runs while runs are written, published, killed and resumed. The published run "
                "stays readable until the new run is complete.",
            ),
        ),
        "disk": (
            Promise(
                "disk errors",
                "A full disk or an I/O error at any point of a run publishes no partial run and is reported in one "
                "sentence. The resumed run has the same results.",
            ),
            Promise("full disk", "The same holds when the kernel rejects the write."),
            Promise(
                "write errors",
                "A disk error at a single write (part, journal, SQLite file, cache, profile) leaves nothing partial.",
            ),
        ),
        "corrupt": (
            Promise(
                "damaged parts",
                "Damage to a file of an interrupted run is detected, and the part is computed again. The results are "
                "the same.",
            ),
            Promise("damaged cache", "Damage to a cache file is detected or harmless."),
            Promise(
                "changed rows",
                "Changed rows of a published run in a database are reported. Missing rows are written by the next run.",
            ),
            Promise("damaged run", "Damage to a published run is reported in one sentence."),
            Promise("damaged SQLite", "A damaged SQLite file is read, or rejected in one sentence."),
            Promise("wrong card results", "A wrong result of a graphics card stops the ranking."),
        ),
        "database": (
            Promise(
                "restarted loads",
                "A load whose connection ends, at any statement or at random, restarts from the beginning. Its data "
                "have one state.",
            ),
            Promise("retry limit", "Pauses between retries grow. Retries end within a minute, with one sentence."),
            Promise(
                "restarted writes",
                "A run whose connections end publishes the same rows once, or publishes nothing and is resumed.",
            ),
        ),
        "secrets": (
            Promise("secrets", "No message, log, file or display contains a password, on failure or success."),
        ),
        "memory": (
            Promise("predicted peak", "The memory peak of a run is predicted within 20 % before it starts."),
            Promise("memory groups", "The tightest limit counts: control groups v1 and v2, nested, in a container."),
            Promise(
                "large requests",
                "A request that does not fit is rejected before any work, with its numbers and the alternatives.",
            ),
            Promise(
                "memory limits",
                "Under any address limit of the kernel, a run is rejected before any work or has the same results.",
            ),
            Promise(
                "real memory group",
                "The same holds in a real control group.",
                not_tested="Test machines rarely permit control groups. Files in the layouts of v1, v2 and a container "
                "replace them, and the address limits are real.",
            ),
        ),
        "input": (
            Promise(
                "invalid values",
                "Each invalid value has the outcome of [input.md](input.md) at every entry point: NaN, infinity, None, "
                "negative and huge amounts, unknown codes, mixed types, time zones, invalid UTF-8, huge ids.",
            ),
            Promise(
                "invalid arguments",
                "Invalid arguments raise a documented error: a k of 0, negative or too large, duplicate ids, invalid "
                "tables and weights. Empty tables give empty results.",
            ),
            Promise("model mistakes", "Mistakes in files of models and weights are reported with their line."),
            Promise("accounted rows", "No row is dropped silently: read = scored + filtered + rejected."),
        ),
        "shared": (
            Promise(
                "engine threads",
                "Tasks in 64 threads on one engine get correct results, with one computation per missing key.",
            ),
            Promise("cleared caches", "The results stay correct while caches are cleared and data are reloaded."),
            Promise("cache threads", "200 tasks in 64 threads on one cache compute each missing key once."),
            Promise("time to live", "No value is older than its time to live, in a cache and in an engine."),
            Promise(
                "shared cache answers",
                "Engine processes over a shared cache answer as an engine without one, after writes, evictions, "
                "flushes, damaged values, restarts, restored snapshots of the server and killed engines.",
            ),
            Promise(
                "shared cache values",
                "Every changed, truncated, swapped or misplaced value of a shared cache is refused and counted.",
            ),
            Promise("shared cache computation", "Eight processes that miss a value of a shared cache compute it once."),
        ),
        "stale": (
            Promise(
                "stale values", "No sequence of edits, clears, changes of the model and restarts returns an old value."
            ),
            Promise(
                "exchanged files",
                "An engine answers from the database file that is there after it was replaced, copied over, linked or "
                "deleted.",
            ),
            Promise("code in keys", "A component whose code changes has another cache key."),
        ),
        "hostile": (
            Promise("SQL in names", "SQL in names and ids is treated as text."),
            Promise("path traversal", "No profile or run name leads outside its folder."),
            Promise("unsafe YAML", "No YAML file executes code or fills the memory."),
            Promise("pickles", "No pickle is executed."),
            Promise(
                "model files", "A model file that was changed, cut off or extended is refused, in all three formats."
            ),
            Promise("dangerous calls", "The package has no dangerous calls except those that state their reason."),
        ),
        "servers": (
            Promise("tokens", "JupyterLab and the panel reject requests without their token."),
            Promise("local sockets", "They listen on 127.0.0.1 only."),
        ),
        "personal": (Promise("personal data", "No name or address of a user is stored in results, caches or logs."),),
    },
}
"""Section → topic → promises."""

PROMISES: Final = {
    promise.key: promise for topics in SECTIONS.values() for promises in topics.values() for promise in promises
}
