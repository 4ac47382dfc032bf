package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	goyaml "go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/component-base/version"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"sigs.k8s.io/yaml"
)

const (
	// deepest is how deep values may nest; the deepest field of a Kubernetes kind is at about 30.
	deepest = 200
	// largest is what the API server takes as one object, in bytes of JSON.
	largest = 3 << 20
)

// document is one object of a text, or why there is none at that line.
type document struct {
	Line    int             `json:"line"`
	Object  json.RawMessage `json:"object,omitempty"`
	Wrong   string          `json:"wrong,omitempty"`
	Unknown string          `json:"unknownKind,omitempty"`
	Defines string          `json:"defines,omitempty"`
	kind    schema.GroupVersionKind
	judged
}

var lineInError = regexp.MustCompile(`^(?:yaml: )?(?:unmarshal errors:\s*)?(?:line (\d+): )?`)

// documents reads the objects of a text as kubectl does: YAML or JSON, several documents, Lists.
func documents(text []byte) []document {
	var found []document
	for _, part := range split(text) {
		found = append(found, objectsOf(part)...)
	}
	return found
}

type part struct {
	line int
	text []byte
}

// split parts a text at the lines that begin with three dashes.
func split(text []byte) []part {
	parts := []part{{line: 1}}
	start, number := 0, 0
	for offset := 0; offset < len(text); {
		number++
		end := len(text)
		if at := bytes.IndexByte(text[offset:], '\n'); at >= 0 {
			end = offset + at + 1
		}
		if line := text[offset:end]; bytes.HasPrefix(line, []byte("---")) {
			rest := bytes.TrimSpace(line[3:])
			if len(rest) == 0 || rest[0] == '#' {
				parts[len(parts)-1].text = text[start:offset]
				parts = append(parts, part{line: number + 1})
				start = end
			}
		}
		offset = end
	}
	parts[len(parts)-1].text = text[start:]
	return slices.DeleteFunc(parts, func(it part) bool { return len(bytes.TrimSpace(it.text)) == 0 })
}

func objectsOf(it part) []document {
	wrong := func(line int, said string, arguments ...any) []document {
		return []document{{Line: line, Wrong: fmt.Sprintf(said, arguments...)}}
	}
	raw := bytes.TrimSpace(it.text)
	if raw[0] != '{' || !json.Valid(raw) {
		var err error
		if raw, err = yaml.YAMLToJSONStrict(it.text); err != nil {
			said, line := err.Error(), it.line
			if place := lineInError.FindStringSubmatch(said); place[1] != "" {
				number, _ := strconv.Atoi(place[1])
				said, line = said[len(place[0]):], it.line+number-1
			}
			return wrong(line, "is no YAML: %s", strings.Join(strings.Fields(strings.TrimPrefix(said, "yaml: ")), " "))
		}
	}
	first := it.line + firstLine(it.text)
	if string(raw) == "null" {
		return nil
	}
	if depth(raw) > deepest {
		return wrong(first, "nests more than %d levels deep", deepest)
	}
	var list struct {
		Items *[]json.RawMessage `json:"items"`
	}
	kind, err := kindOf(raw)
	if err != nil || kind.Kind == "" || kind.Version == "" {
		return wrong(first, "is no Kubernetes object: it has no apiVersion and kind")
	}
	if kind.Group == "" && strings.HasSuffix(kind.Kind, "List") {
		if err := json.Unmarshal(raw, &list); err != nil {
			return wrong(first, "is no list of Kubernetes objects: %v", err)
		}
	}
	if list.Items == nil {
		return []document{single(raw, kind, first)}
	}
	lines := itemLines(it)
	var found []document
	for i, item := range *list.Items {
		line := first
		if i < len(lines) {
			line = lines[i]
		}
		kind, err := kindOf(item)
		if err != nil || kind.Kind == "" || kind.Version == "" {
			found = append(found, wrong(line, "holds an item that is no Kubernetes object: it has no apiVersion and kind")...)
			continue
		}
		found = append(found, single(item, kind, line))
	}
	return found
}

func single(raw json.RawMessage, kind schema.GroupVersionKind, line int) document {
	made := document{Line: line, Object: raw, kind: kind}
	if len(raw) > largest {
		return document{Line: line, Wrong: fmt.Sprintf(
			"is %.1f MB large; the API server takes objects up to %d MiB", float64(len(raw))/1e6, largest>>20)}
	}
	switch {
	case legacyscheme.Scheme.Recognizes(kind) && !early(kind.Version) || outside[kind.Group]:
	case legacyscheme.Scheme.IsGroupRegistered(kind.Group) || !strings.Contains(kind.Group, "."):
		made.Wrong = noSuchKind(kind)
		made.Object = nil
	default:
		made.Unknown = kind.GroupKind().String()
	}
	if kind.Group == "apiextensions.k8s.io" && kind.Kind == "CustomResourceDefinition" {
		var definition struct {
			Spec struct {
				Group string `json:"group"`
				Names struct {
					Kind string `json:"kind"`
				} `json:"names"`
			} `json:"spec"`
		}
		if json.Unmarshal(raw, &definition) == nil {
			made.Defines = schema.GroupKind{Group: definition.Spec.Group, Kind: definition.Spec.Names.Kind}.String()
		}
	}
	return made
}

// outside are the groups that every API server has and that are not in the scheme of its own kinds.
var outside = map[string]bool{"apiextensions.k8s.io": true, "apiregistration.k8s.io": true}

// noSuchKind says what Kubernetes has instead of a kind that it does not have in this version of a group.
func noSuchKind(kind schema.GroupVersionKind) string {
	apiVersion, name := kind.ToAPIVersionAndKind()
	said := fmt.Sprintf("Kubernetes %s has no kind %s in %s", release(), name, apiVersion)
	var others []string
	for known := range legacyscheme.Scheme.AllKnownTypes() {
		if known.Kind == name && known.Version != "__internal" && !early(known.Version) {
			others = append(others, known.GroupVersion().String())
		}
	}
	slices.Sort(others)
	if len(others) > 0 {
		said += ", but in " + strings.Join(others, ", ")
	}
	return said
}

// early tells of a version that an API server does not serve unless it is told to.
func early(version string) bool {
	return strings.Contains(version, "alpha") || strings.Contains(version, "beta")
}

func release() string { return version.DefaultKubeBinaryVersion }

// firstLine counts the lines before the first one that is neither empty nor a comment.
func firstLine(text []byte) int {
	for number, line := range bytes.Split(text, []byte("\n")) {
		if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 && trimmed[0] != '#' {
			return number
		}
	}
	return 0
}

// itemLines tells at which lines the items of a List stand.
func itemLines(it part) []int {
	var root goyaml.Node
	if goyaml.Unmarshal(it.text, &root) != nil || len(root.Content) == 0 {
		return nil
	}
	fields := root.Content[0].Content
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i].Value == "items" {
			var lines []int
			for _, item := range fields[i+1].Content {
				lines = append(lines, it.line+item.Line-1)
			}
			return lines
		}
	}
	return nil
}

// depth tells how deep lists and maps nest in valid JSON.
func depth(raw []byte) int {
	now, most, inText := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			now++
			most = max(most, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return most
}
