package auth

import (
	"maps"
	"reflect"
)

// Clone returns a deep copy: maps, model states, errors and nested metadata
// are its own, also when they are empty. Runtime, Storage, and pointers that
// Go code put into Metadata are shared. Clone of nil is nil.
func (a *Auth) Clone() *Auth {
	if a == nil {
		return nil
	}
	c := *a
	c.Attributes = maps.Clone(a.Attributes)
	c.Metadata = cloneObject(a.Metadata)
	c.LastError = a.LastError.clone()
	if a.ModelStates != nil {
		c.ModelStates = make(map[string]*ModelState, len(a.ModelStates))
		for model, state := range a.ModelStates {
			c.ModelStates[model] = state.Clone()
		}
	}
	return &c
}

// Clone returns a deep copy; of nil, nil.
func (m *ModelState) Clone() *ModelState {
	if m == nil {
		return nil
	}
	c := *m
	c.LastError = m.LastError.clone()
	return &c
}

func (e *Error) clone() *Error {
	if e == nil {
		return nil
	}
	c := *e
	return &c
}

func cloneObject(m map[string]any) map[string]any {
	if m == nil {
		return nil
	}
	c := make(map[string]any, len(m))
	for k, v := range m {
		c[k] = cloneValue(v)
	}
	return c
}

// cloneValue copies what JSON decodes to without reflection, and other maps
// and slices with it.
func cloneValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return cloneObject(v)
	case []any:
		if v == nil {
			return v
		}
		c := make([]any, len(v))
		for i := range v {
			c[i] = cloneValue(v[i])
		}
		return c
	case map[string]string:
		return maps.Clone(v)
	case nil, string, bool, float64, int64, int:
		return v
	}
	return cloneReflect(reflect.ValueOf(v)).Interface()
}

func cloneReflect(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		c := reflect.MakeMapWithSize(v.Type(), v.Len())
		for it := v.MapRange(); it.Next(); {
			c.SetMapIndex(it.Key(), cloneReflect(it.Value()))
		}
		return c
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			c.Index(i).Set(cloneReflect(v.Index(i)))
		}
		return c
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		return cloneReflect(v.Elem())
	}
	return v
}
