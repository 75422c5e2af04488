"""Declaration: custom resources: what a CustomResourceDefinition says, as the rest of pikube.api understands it."""
