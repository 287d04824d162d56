"""Prints what was measured, each figure beside its target."""

import statistics


class Scoreboard:
    """Figures as they come, and all verdicts once more at the end."""

    def __init__(self):
        self._verdicts = []

    def chapter(self, title):
        print(f"\n{title}", flush=True)

    def show(self, what, text):
        """Something worth knowing that has no target."""
        print(f"  {what:<46} {text}", flush=True)

    def figure(self, what, value, most, unit):
        """A value that must not be above `most`; `unit` goes behind both, as in `{:.1f} ms`."""
        self._judge(what, unit.format(value), f"at most {unit.format(most)}", value <= most)

    def at_least(self, what, value, least, unit):
        """A value that must not be below `least`."""
        self._judge(what, unit.format(value), f"at least {unit.format(least)}", value >= least)

    def all_of(self, what, count, total):
        """Something that must hold every time."""
        self._judge(what, f"{count} of {total}", "always", count == total)

    def _judge(self, what, value, target, met):
        text = f"{what:<46} {value:<14} {target:<20} {'met' if met else 'missed'}"
        print(f"  {text}", flush=True)
        self._verdicts.append(text)

    def summary(self):
        if len(self._verdicts) > 1:
            self.chapter("All figures")
            for text in self._verdicts:
                print(f"  {text}")


def spread(values, unit):
    """`median (min to max)`."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{unit.format(middle)} ({unit.format(low)} to {unit.format(high)}, {len(values)} rounds)"
