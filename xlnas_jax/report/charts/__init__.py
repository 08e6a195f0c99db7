"""What is drawn, as Vega-Lite: one chart a file."""
