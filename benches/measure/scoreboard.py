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
        verdict = "met" if value <= most else "missed"
        text = f"{what:<46} {unit.format(value):<14} at most {unit.format(most):<12} {verdict}"
        print(f"  {text}", flush=True)
        self._verdicts.append(text)

    def all_of(self, what, count, total):
        """Something that must hold every time."""
        verdict = "met" if count == total else "missed"
        text = f"{what:<46} {f'{count} of {total}':<14} {'always':<20} {verdict}"
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
