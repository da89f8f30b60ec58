// Package config makes a settings.Config of what ships, the configuration file,
// the environment and the flags, in this order: a later one wins. What it does
// not understand it refuses, with the place and the nearest thing that it does
// know.
//
// The file is one YAML document; schema.json is the single source of its keys,
// types, bounds, defaults and descriptions. In the environment PATCHBAY_ begins
// a variable and two underscores separate levels, so PATCHBAY_LOG__LEVEL is
// log.level. Credentials and the plugins' own configuration stand in the file
// only; ${env:NAME} in a credential's set and secrets takes a value from the
// environment.
//
// No error and no warning ever holds a value.
package config
