"""One file for each module that the reports read; imported when the module is on."""
