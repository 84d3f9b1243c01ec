"""CYME exports: text, XML and database readers into one dataset, and its way to a feeder."""
