"""Training loops side by side: ``python -m benchmarks.loops``; the figures stand in docs/explanation/performance.md."""
