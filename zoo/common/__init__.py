"""The ground floor: errors, configs, files and computing, which every district may use."""
