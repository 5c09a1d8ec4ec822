"""The report page: one file without scripts or outside resources, for the person who answers for the run.

Every text goes through `_text`, which makes it harmless: escaped, on one line, its reading direction its own.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

from bulkops.model import Counts, State
from bulkops.reports.cells import visible
from bulkops.reports.codes import explain
from bulkops.reports.digest import Digest, ListedRow, shown
from bulkops.reports.style import STYLE
from bulkops.reports.summary import ErrorCount, RunFacts, StageCounts, Summary
from bulkops.reports.words import done_word, duration, ending, moment, next_steps, number, result, title

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STATES = (State.SUCCEEDED, State.SKIPPED, State.FAILED, State.IN_DOUBT, State.PENDING)


def render_page(summary: Summary, facts: RunFacts, digest: Digest) -> str:
    """The whole page as text."""
    by_error = digest.by_error()
    sections = (
        _counts(summary),
        _next(summary),
        _reasons("Why rows failed or are in doubt", "Error", by_error, (State.FAILED, State.IN_DOUBT)),
        _rows(summary.counts, digest),
        _reasons("Why rows were skipped", "Reason", by_error, (State.SKIPPED,)),
        _facts(summary, facts),
    )
    return _document(summary, sections)


def render_pipeline_page(
    summary: Summary, facts: RunFacts, stages: Sequence[StageCounts], errors: Sequence[ErrorCount]
) -> str:
    """The page over all stages of a pipeline; each stage's own page is linked."""
    sections = (
        _counts(summary),
        _next(summary),
        _stages(stages),
        _reasons("Why rows failed or are in doubt", "Error", errors, (State.FAILED, State.IN_DOUBT)),
        _reasons("Why rows were skipped", "Reason", errors, (State.SKIPPED,)),
        _facts(summary, facts),
    )
    return _document(summary, sections)


def _stages(stages: Sequence[StageCounts]) -> str:
    heads = (("", "Stage"), ("", "Target"), *(("n", state.label.replace("_", " ").capitalize()) for state in _STATES))
    return _section("Stages, in their order", _table(heads, map(_stage_row, stages)))


def _stage_row(stage: StageCounts) -> str:
    link = html.escape(f"stages/{quote(stage.name)}/report.html", quote=True)
    counts = "".join(f'<td class="n">{getattr(stage.counts, state.label):,}</td>' for state in _STATES)
    return (
        f'<tr><td><a href="{link}">{_text(stage.name)}</a><br>{_text(stage.title)}</td>'
        f"<td>{_text(stage.target)}</td>{counts}</tr>\n"
    )


def _document(summary: Summary, sections: Sequence[str]) -> str:
    name = f"{title(summary.operation)} · {summary.target}"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{_plain(name)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"{_header(summary)}{''.join(sections)}</main>\n</body>\n</html>\n"
    )


def _plain(text: object, limit: int = 1000) -> str:
    return html.escape(shown(str(text), limit), quote=True)


def _text(text: object, limit: int = 1000) -> str:
    return f"<bdi>{_plain(text, limit)}</bdi>"


def _exact(text: str) -> str:
    """For what is typed or looked up as it stands: a command, a path."""
    return f"<bdi>{html.escape(visible(text))}</bdi>"


def _header(summary: Summary) -> str:
    return (
        f'<header>\n<span class="state {_mood(summary)}">{_plain(ending(summary).capitalize())}</span>\n'
        f"<h1>{_plain(title(summary.operation))} <small>on {_text(summary.target)}</small></h1>\n"
        f'<p class="result">{_plain(result(summary.operation, summary.counts))}</p>\n</header>\n'
    )


def _mood(summary: Summary) -> str:
    if summary.counts.failed or summary.state == "refused":
        return "bad"
    if summary.counts.in_doubt or summary.state != "completed":
        return "care"
    return "good"


def _section(heading: str, *parts: str) -> str:
    return f"<section>\n<h2>{_plain(heading)}</h2>\n{''.join(parts)}</section>\n"


def _counts(summary: Summary) -> str:
    counts = summary.counts
    rows = [(state, getattr(counts, state.label)) for state in _STATES]
    words = {State.SUCCEEDED: done_word(summary.operation), State.PENDING: "not attempted"}
    bar = "".join(f'<span class="{state.label}" style="flex:{count}"></span>' for state, count in rows if count)
    legend = "".join(
        f"<li{'' if count else _class('none')}><b>{count:,}</b>"
        f'<i class="{state.label}"></i>{_plain(words.get(state) or state.label.replace("_", " "))} '
        f"<span>{_share(count, counts.total)}</span></li>\n"
        for state, count in rows
    )
    return _section(
        number(counts.total, "row"),
        f'<div class="bar" role="img" aria-label="{_plain(result(summary.operation, counts))}">{bar}</div>\n',
        f'<ul class="legend">\n{legend}</ul>\n',
    )


def _share(count: int, total: int) -> str:
    """A percentage that says 0 or 100 only where that is so."""
    if count in (0, total):
        return "100 %" if count else "0 %"
    share = 100 * count / total
    if share < 0.1:
        return "&lt; 0.1 %"
    return "&gt; 99.9 %" if share > 99.9 else f"{share:.1f} %"


def _next(summary: Summary) -> str:
    reason = f"<p>The run did not go to its end: {_text(summary.reason)}</p>\n" if summary.reason else ""
    steps = next_steps(summary.operation, summary.counts)
    listed = "".join(f"<li>{_plain(step)}</li>\n" for step in steps)
    told = f'<ul class="steps">\n{listed}</ul>\n' if len(steps) > 1 else f"<p>{_plain(steps[0])}</p>\n"
    command = f"<pre>{_exact(summary.next_command)}</pre>\n" if summary.next_command else ""
    return _section("What to do next", reason, told, command)


def _reasons(heading: str, noun: str, errors: Sequence[ErrorCount], states: Sequence[State]) -> str:
    wanted = [error for error in errors if error.state in states]
    if not wanted:
        return ""
    heads = (("n", "Rows"), ("", noun), ("", "What it means"), ("", "For example"))
    return _section(heading, _table(heads, map(_error_row, wanted)))


def _error_row(error: ErrorCount) -> str:
    known = explain(error.code)
    advice = f'<span class="soft">{_plain(known.advice)}</span>' if known.advice else ""
    return (
        f'<td class="n">{error.count:,}</td><td class="w">{_marked(error.state, error.code)}</td>'
        f'<td class="long">{_plain(known.meaning)}{advice}</td><td class="long">{_text(error.message)}</td>'
    )


def _marked(state: State, code: str) -> str:
    doubt = '<span class="soft">in doubt</span>' if state is State.IN_DOUBT else ""
    return f'<span class="mark {state.label}"></span><code>{_text(code, 60)}</code>{doubt}'


def _rows(counts: Counts, digest: Digest) -> str:
    if not digest.listed:
        return ""
    total = counts.failed + counts.in_doubt
    where = '<a href="failures.csv">failures.csv</a> holds'
    told = (
        f"The first {len(digest.listed):,} of {total:,}; {where} them all."
        if total > len(digest.listed)
        else f'{where} the same rows; <a href="results.csv">results.csv</a> holds every row.'
    )
    return _section("Rows that failed or are in doubt", f'<p class="soft">{told}</p>\n', _listed(digest))


def _listed(digest: Digest) -> str:
    """The rows as a table; columns of the provider's answer that are empty throughout are left out."""
    answered = any(row.outcome.http_status is not None for row in digest.listed)
    named = any(row.outcome.request_id for row in digest.listed)
    heads = [("n", "Row"), *(("", _plain(column, 40)) for column in digest.columns), ("", "Error")]
    heads += [("n", "HTTP")] if answered else []
    heads += [("", "Message"), ("n", "Tries")]
    heads += [("", "Request id")] if named else []
    return _table(heads, (_row(row, answered=answered, named=named) for row in digest.listed))


def _row(row: ListedRow, *, answered: bool, named: bool) -> str:
    outcome = row.outcome
    keys = "".join(f'<td class="key">{_text(key)}</td>' for key in row.keys)
    status = f'<td class="n">{outcome.http_status or ""}</td>' if answered else ""
    request = f'<td class="id"><code>{_text(outcome.request_id or "", 80)}</code></td>' if named else ""
    return (
        f'<td class="n">{row.number:,}</td>{keys}<td class="w">{_marked(outcome.state, outcome.code)}</td>{status}'
        f'<td class="long">{_text(outcome.message, 300)}</td><td class="n">{outcome.attempts}</td>{request}'
    )


def _table(heads: Sequence[tuple[str, str]], rows: Iterable[str]) -> str:
    head = "".join(f'<th scope="col"{_class(name)}>{text}</th>' for name, text in heads)
    body = "".join(f"<tr>{row}</tr>\n" for row in rows)
    return f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n'


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _facts(summary: Summary, facts: RunFacts) -> str:
    listed = "".join(f"<dt>{_plain(name)}</dt><dd>{value}</dd>\n" for name, value in _fact_pairs(summary, facts))
    return _section("About this run", f"<dl>\n{listed}</dl>\n")


def _fact_pairs(summary: Summary, facts: RunFacts) -> Iterator[tuple[str, str]]:
    yield "Run", f"<code>{_text(summary.run_id or 'none')}</code>"
    if summary.run_dir:
        yield "Folder", f"<code>{_exact(summary.run_dir)}</code>"
    if facts.source:
        yield "Job file", _text(facts.source)
    yield "Operation", f"<code>{_text(summary.operation)}</code>"
    yield "Target", _text(summary.target) + (f" ({_text(facts.organization)})" if facts.organization else "")
    yield "Started", _plain(moment(facts.started_at))
    yield "Finished", _plain(moment(facts.finished_at))
    yield "Time at work", _plain(duration(summary.elapsed_s))
    yield "Calls", f"{summary.requests:,}"
    yield "Throttled", f"{summary.throttled:,}"
    yield "Retries", f"{summary.retries:,}"
    yield "bulkops", _plain(facts.version)
