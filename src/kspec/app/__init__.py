"""The composition root: reads Config, loads plugins, builds the Vocabulary, wires a run."""
