package plugins

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxSchemaNodes bounds how much there is to check once all references of a
// configuration schema are followed.
const maxSchemaNodes = 50_000

var errTooLarge = fmt.Errorf("it has more than %d nodes once its references are followed", maxSchemaNodes)

// boundSchema refuses a foreign schema that could take for ever to apply:
// references that form a cycle, or that double at each step. Only references
// of the form #/... are allowed.
func boundSchema(doc any) error {
	b := &schemaBound{root: doc, cost: map[string]int{}, open: map[string]bool{}}
	_, err := b.size(doc, 0)
	return err
}

type schemaBound struct {
	root any
	// cost is the size behind a reference, open what is being measured.
	cost map[string]int
	open map[string]bool
}

func (b *schemaBound) size(node any, depth int) (int, error) {
	if depth > 4*maxManifestDepth {
		return 0, errors.New("its references nest too deep")
	}
	total := 1
	add := func(child any) error {
		n, err := b.size(child, depth+1)
		if total += n; err == nil && total > maxSchemaNodes {
			err = errTooLarge
		}
		return err
	}
	switch node := node.(type) {
	case []any:
		for _, child := range node {
			if err := add(child); err != nil {
				return 0, err
			}
		}
	case map[string]any:
		for key, child := range node {
			ref, isText := child.(string)
			var err error
			switch {
			case isText && key == "$ref":
				var n int
				n, err = b.behind(ref, depth)
				if total += n; err == nil && total > maxSchemaNodes {
					err = errTooLarge
				}
			case isText && (key == "$dynamicRef" || key == "$recursiveRef" || key == "$id" || key == "$anchor" || key == "$dynamicAnchor"):
				err = fmt.Errorf("it may not use %s", key)
			default:
				err = add(child)
			}
			if err != nil {
				return 0, err
			}
		}
	}
	return total, nil
}

// behind returns the size of what a reference names.
func (b *schemaBound) behind(ref string, depth int) (int, error) {
	if n, ok := b.cost[ref]; ok {
		return n, nil
	}
	if b.open[ref] {
		return 0, fmt.Errorf("the reference %q leads back to itself", ref)
	}
	target, err := b.resolve(ref)
	if err != nil {
		return 0, err
	}
	b.open[ref] = true
	n, err := b.size(target, depth+1)
	delete(b.open, ref)
	b.cost[ref] = n
	return n, err
}

// resolve follows a JSON pointer within the schema.
func (b *schemaBound) resolve(ref string) (any, error) {
	path, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil, fmt.Errorf("it may not refer to %q, only to #/...", ref)
	}
	node := b.root
	for name := range strings.SplitSeq(path, "/") {
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
		switch parent := node.(type) {
		case map[string]any:
			node, ok = parent[name]
		case []any:
			i, err := strconv.Atoi(name)
			if ok = err == nil && i >= 0 && i < len(parent); ok {
				node = parent[i]
			}
		default:
			ok = false
		}
		if !ok {
			return nil, fmt.Errorf("the reference %q names nothing", ref)
		}
	}
	return node, nil
}
